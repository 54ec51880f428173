"""The terminal's keys as a pad."""
