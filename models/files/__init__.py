"""Reads files from other people, with limits of size and time."""
