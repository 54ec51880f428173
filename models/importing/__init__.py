"""Makes a pack of a model that was trained elsewhere."""
