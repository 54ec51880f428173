"""Trainings whose map is a sketch: it is learned after all else, and has tests of its own."""

from __future__ import annotations

import pytest

from latentpad.models.maps import learned


@pytest.fixture(autouse=True)
def _sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "ROUNDS", 0)
