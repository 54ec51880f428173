"""Compares the expanders of a pack, with the two tables of Cámara & Blanco's paper, and says how it
sounds."""
