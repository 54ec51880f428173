"""What steers the instrument (OSC, MIDI, the terminal's keys, the demo), and what is sent back."""
