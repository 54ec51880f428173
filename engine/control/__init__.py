"""The control process: it turns commands into changes of the board, and supervises the other
two."""
