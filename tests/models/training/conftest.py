"""Trainings whose map is a sketch: it is learned after all else, and has tests of its own."""

from __future__ import annotations

import pytest

from models import learned_map


@pytest.fixture(autouse=True)
def _sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_map, "ROUNDS", 0)
