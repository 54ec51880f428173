"""How large a pack may be."""

MOST_LATENTS = 256
MOST_ANCHORS = 1_000_000
