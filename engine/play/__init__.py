"""The playing process: it renders the voices hop by hop and feeds the audio device."""
