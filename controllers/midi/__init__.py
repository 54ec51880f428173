"""MIDI input: ports, messages to commands, learned bindings."""
