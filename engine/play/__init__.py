"""The playing process: the voices' sounds, hop by hop, to the device."""
