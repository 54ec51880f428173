"""Checks a `.keras` file before it is opened: its layers, weights and memory."""
