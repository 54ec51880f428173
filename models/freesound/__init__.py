"""Sounds from Freesound."""
