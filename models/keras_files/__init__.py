"""Checks a `.keras` file before it is opened: its layers, its weights, the memory it needs."""
