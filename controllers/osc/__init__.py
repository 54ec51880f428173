"""OSC over UDP: packets, the server, feedback and replies to senders."""
