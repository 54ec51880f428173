"""Planes of anchors: projections, the learned map, and their pictures."""
