"""Sound libraries: any number of sounds, placed on the planes of one pack."""

STEPS = 50  # of models.refinement, by which a sound is placed where its model makes it best
