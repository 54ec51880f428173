"""Keras files from strangers: what they hold, known before they are opened."""
