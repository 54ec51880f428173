"""OSC over UDP and TCP: packets, the server, feedback and replies to senders."""
