"""How large a pack may be."""

MOST_LATENTS = 256
MOST_ANCHORS = 1_000_000
MOST_GRAIN_BYTES = 1 << 35  # of grain.npy, which is memory-mapped
