"""Folders of sounds with their tables, credits and licences, and sound maps."""
