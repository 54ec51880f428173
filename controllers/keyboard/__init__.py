"""The keys of the terminal as a pad."""
