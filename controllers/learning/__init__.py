"""Binds what controllers send to addresses of the instrument: one learning for OSC and MIDI."""
