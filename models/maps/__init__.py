"""Planes of anchors: projections, the learned map, and pictures of them."""
