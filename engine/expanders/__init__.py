"""From a point on the pad to a latent vector: one module for each family of expanders.

Notation: L anchors, at M different positions (*sites*) under a metric. Of each latent vector, D1
coordinates are known (z̄, set by the pad) and D2 are unknown (z̃, found by the expander). A point p
is on the plane.

`fit` may take seconds: call it where nothing waits. A fitted expander is immutable, so any thread
may call it. It takes no lock. For finite points it never raises and never returns a NaN.
"""

from __future__ import annotations

from latentpad.engine.expanders.anchor_index import METRICS, blend, nearest_anchor
from latentpad.engine.expanders.expander import Expander
from latentpad.engine.expanders.lattice import Lattice
from latentpad.engine.expanders.registry import NAMES, cost, fit

__all__ = ["METRICS", "NAMES", "Expander", "Lattice", "blend", "cost", "fit", "nearest_anchor"]
