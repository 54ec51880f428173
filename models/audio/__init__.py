"""Sound files and signals: reading, descriptors, phase of whole sounds."""
