"""Reads files from elsewhere within limits of size and time."""
