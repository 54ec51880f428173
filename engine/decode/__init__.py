"""The decoding process: it turns the newest point of each voice into a decoded sound."""
