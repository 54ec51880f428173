"""Measures of how similar two sounds are."""
