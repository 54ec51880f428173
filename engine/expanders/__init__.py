"""From a point on the pad to a whole latent: each family of expanders in a module of its own.

L anchors; D1 coordinates are known (the pad's, z̄) and D2 unknown (z̃); a point p is on the plane.
`fit` may take seconds and belongs where nothing waits for it. A fitted expander never changes:
any thread may call it; it takes no lock, and for finite points it never raises or gives a NaN.
"""

from __future__ import annotations

from latentpad.engine.expanders.anchor_index import METRICS, blend, nearest_anchor
from latentpad.engine.expanders.expander import Expander
from latentpad.engine.expanders.lattice import Lattice
from latentpad.engine.expanders.registry import NAMES, cost, fit

__all__ = ["METRICS", "NAMES", "Expander", "Lattice", "blend", "cost", "fit", "nearest_anchor"]
