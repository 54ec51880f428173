"""MIDI: ports, messages, and learned bindings."""
