"""Makes packs of models that were trained elsewhere."""
