from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

import jack
import pytest
from hypothesis import settings

# Whether a law holds does not depend on how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class JackServer:
    """A JACK server of the test's own, with no sound card behind it.

    JACK knows eight servers at a time, and one that was killed keeps its place until another
    of its name has ended well: so one name serves all tests, and the last of it is `stop`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["jackd", "--no-realtime", "-n", self.name, "-d", "dummy", "-r", "48000", "-p", "128"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            time.sleep(0.1)
            try:
                jack.Client("probe", no_start_server=True, servername=self.name).close()
                return
            except jack.JackOpenError:
                continue
        raise RuntimeError(f"jackd {self.name} did not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    server = JackServer(f"latentpad-midi-{os.getpid()}")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    try:
        server.start()
        yield server
    finally:
        server.stop()
