"""What it costs and how late it is: measured here, printed, and kept beside the code."""
