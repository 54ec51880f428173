"""Expanders by name: what is refused, and what one costs."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.engine.expanders import NAMES, blend, cost, fit
from latentpad.engine.parameters import EXPANDERS
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated


def test_a_performer_can_choose_every_expander() -> None:
    assert EXPANDERS == NAMES  # the board stores the place in the row


def test_what_cannot_be_fitted_is_refused_in_one_line() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    with pytest.raises(ValueError, match="choose one of nearest"):
        fit("kriging", plane)
    with pytest.raises(ValueError, match="choose one of euclidean"):
        fit("local", plane, metric="manhattan")
    with pytest.raises(ValueError, match="focus 0"):
        fit("local", plane, focus=0)
    with pytest.raises(ValueError, match="anchor 30 of 30"):
        fit("lattice", plane, base=30)
    with pytest.raises(ValueError, match="anchor -1 of 30"):
        fit("lattice", plane, faders={-1: 0.5})
    with pytest.raises(ValueError, match=r"give \(n, 2\)"):
        fit("mean", plane).expand([0.1, 0.2])
    with pytest.raises(ValueError, match="30 anchors"):
        blend([[0, 0]], plane, np.zeros(29))


def test_cost_is_measured_for_every_expander() -> None:
    for name in NAMES:
        seconds, microseconds = cost(name, 500, dimension=4, points=20)
        assert seconds > 0 and microseconds > 0
