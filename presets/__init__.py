"""Presets: the file format, the bank, the factory presets."""
