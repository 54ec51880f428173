"""Between a gesture and a sound: parameters, plane, expander, decoder, phase, voices, stream."""
