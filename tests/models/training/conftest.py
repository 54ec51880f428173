"""Trainings whose map is a sketch, and whose previews are empty: both have tests of their own. What
a decode costs is measured by a process that begins with TensorFlow imported."""

from __future__ import annotations

import pytest

from latentpad.models import decode_cost
from latentpad.models.maps import learned
from latentpad.models.training.preview import Preview
from tests import forking
from tests.models.training.killing import empty_figure


@pytest.fixture(autouse=True)
def _sketched(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(learned, "ROUNDS", 0)  # it is learned after all else
    monkeypatch.setattr(decode_cost, "decode", forking.decode_cost)
    if request.path.name != "test_pictures.py":
        monkeypatch.setattr(Preview, "figure", empty_figure)
