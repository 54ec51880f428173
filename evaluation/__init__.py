"""Compares the expanders of a pack, by the two tables of the founding paper."""
