"""The control process: commands in, changes on the board out, and the care of the other two."""
