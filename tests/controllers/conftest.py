from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from benchmarks.jack_server import JackServer
from benchmarks.jack_server import jack_server as running

# Whether a law holds does not depend on how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def jack_server() -> Iterator[JackServer]:
    with running("latentpad-midi") as server:
        yield server
