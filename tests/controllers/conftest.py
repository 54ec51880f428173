from __future__ import annotations

from collections.abc import Iterator

import pytest

from latentpad.benchmarks.jack_server import JackServer
from latentpad.benchmarks.jack_server import jack_server as running


@pytest.fixture
def jack_server() -> Iterator[JackServer]:
    with running("latentpad-midi") as server:
        yield server
