"""The decoding process: the newest point of each voice becomes a sound on the board."""
