"""Everything that can steer the instrument: OSC, MIDI, the command line."""
