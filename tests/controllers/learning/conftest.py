from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from latentpad.engine.control.instrument import Instrument
from tests.controllers.learning.teaching import Teacher


@pytest.fixture
def teacher(instrument: Instrument, tmp_path: Path) -> Iterator[Teacher]:
    teacher = Teacher(instrument, tmp_path / "latentpad" / "bindings.toml")
    yield teacher
    teacher.learning.close()
