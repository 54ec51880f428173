"""Sound libraries: any number of sounds, placed on the planes of one pack."""
