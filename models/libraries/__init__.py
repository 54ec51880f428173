"""Sound libraries: any number of sounds on one model's plane."""
