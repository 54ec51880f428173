"""Sound files and signals: reading, descriptors, whole-sound phase."""
