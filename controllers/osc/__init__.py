"""OSC: packets, the server, and what goes back to who sends."""
