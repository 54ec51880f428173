"""Presets: the format of their files, the bank, the factory presets."""
