"""Controllers (OSC, MIDI, the terminal's keys, the demo), and the feedback to them."""
