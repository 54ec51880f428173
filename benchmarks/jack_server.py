"""A real JACK server for measurements, and a recorder of what its clients play."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from latentpad.models.errors import LatentpadError

RATE = 48_000
READY_S = 10.0
REGISTRY = Path("/dev/shm/jack-shm-registry")  # JACK2's on Linux: eight places for servers
LEADS = 20  # the last blocks, of which the one that came earliest gives the server's clock
ENTRY = re.compile(rb"(.{4})jack-\d+:([^\0]+):\0", re.DOTALL)  # process id, then the name


class JackError(LatentpadError):
    """There is no JACK to measure with: one line with what to install."""


def started(
    name: str, rate: int = RATE, block: int = 128, outputs: int = 2
) -> subprocess.Popen[bytes] | None:
    """A `jackd` that accepts clients; None if it ended at once.

    Raises `JackError` if it neither ends nor becomes ready.
    """
    process = subprocess.Popen(
        ["jackd", "--no-realtime", "-n", name, "-d", "dummy",
         "-r", str(rate), "-p", str(block), "-P", str(outputs)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            return None
        if shutil.which("jack_wait") is None:
            time.sleep(1.0)
            return process if process.poll() is None else None
        waited = subprocess.run(
            ["jack_wait", "-s", name, "-c"], capture_output=True, text=True, check=False
        )
        if "running" in waited.stdout and "not running" not in waited.stdout:
            return process
        time.sleep(0.05)
    end(process)
    raise JackError(f"jackd did not become ready in {READY_S:.0f} s")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force if necessary."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def dead() -> list[str]:
    """Names of servers that no longer run but still occupy one of JACK's eight entries."""
    try:
        registry = REGISTRY.read_bytes()
    except OSError:
        return []
    entries = ENTRY.findall(registry)
    return [
        name.decode()
        for process, name in entries
        if not psutil.pid_exists(int.from_bytes(process, sys.byteorder))
    ]


def clear(name: str) -> None:
    """Free a dead server's entry: a new server of the same name takes it over and frees it."""
    with suppress(JackError):
        process = started(name)
        if process is not None:
            end(process)


class JackServer:
    """`jackd` with the dummy driver: a device without hardware that is exactly on time.

    Not in real-time mode: Python clients would inherit the server's priority (and come later). The
    name is unique to this process: a killed one may have left a server, with an instrument that
    still plays to it.
    """

    device: str | None = None  # that a program is to play to: JACK is the default here

    def __init__(self, name: str, block: int = 128, rate: int = RATE, outputs: int = 2) -> None:
        if shutil.which("jackd") is None:
            raise JackError("jackd is not installed (Debian and Ubuntu: jackd2, macOS: jack)")
        self.name, self.block, self.rate = f"{name}-{os.getpid()}", block, rate
        self.about = f"JACK (dummy driver) at {rate} Hz, blocks of {block}"
        self._outputs = outputs
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it takes clients."""
        self._process = started(self.name, self.rate, self.block, self._outputs)
        if self._process is None:
            for name in dead():
                clear(name)
            self._process = started(self.name, self.rate, self.block, self._outputs)
        if self._process is None:
            raise JackError(
                f"jackd ended at once: a server named {self.name} is running, or eight others"
            )

    def kill(self) -> None:
        """Kill the server without notice, like a pulled cable."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop the server, as on a loaded machine, until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the server properly: a killed one keeps one of JACK's eight entries."""
        assert self._process is not None
        end(self._process)
        if self.name in dead():
            clear(self.name)

    def ear(self, seconds: float) -> Ear:
        """Record what is played to this server."""
        return Ear(seconds)

    def environment(self) -> dict[str, str]:
        """Environment variables with which a client finds this server, and starts no other."""
        return {**os.environ, "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}


@contextmanager
def jack_server(name: str, block: int = 128, rate: int = RATE) -> Iterator[JackServer]:
    """A server for the time of the block; this process' own JACK calls go to it too."""
    kept = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    server = JackServer(name, block, rate)
    os.environ.update({"JACK_DEFAULT_SERVER": server.name, "JACK_NO_START_SERVER": "1"})
    try:
        yield server
    finally:
        server.stop()
        for key, value in kept.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


class Ear:
    """Records what ports play, frame by frame of the server's own clock.

    `heard` (n,) float32 is the sum of the connected ports from frame `begin` on.
    """

    def __init__(self, seconds: float, name: str = "ear") -> None:
        try:
            import jack
        except (ImportError, OSError) as error:
            raise JackError(f"JACK-Client is wanted: pip install JACK-Client ({error})") from None
        self._client: Any = jack.Client(name, no_start_server=True)
        self._port = self._client.inports.register("in")
        self.rate = int(self._client.samplerate)
        self._memory: NDArray[np.float32] = np.zeros(int(seconds * self.rate), np.float32)
        self._memory[:] = 0  # allocated now, not while the sound runs
        self.begin = -1
        self.end = 0
        self.xruns = 0
        self.missed: list[tuple[int, int]] = []  # frames that the recorder missed
        self._leads: deque[float] = deque(maxlen=LEADS)
        self._client.set_process_callback(self._hear)
        self._client.set_xrun_callback(self._xrun)
        self._client.activate()
        while self.begin < 0:  # until its first block
            time.sleep(0.005)

    def _hear(self, frames: int) -> None:
        now = self._client.last_frame_time
        self._leads.append(now - time.monotonic() * self.rate)
        if self.begin < 0:
            self.begin = now
        position = now - self.begin
        if position > self.end:
            self.missed.append((self.end, position))
        if position + frames <= len(self._memory):
            self._memory[position : position + frames] = self._port.get_array()
            self.end = position + frames

    def _xrun(self, delay: float) -> None:
        self.xruns += 1

    @property
    def heard(self) -> NDArray[np.float32]:
        return self._memory[: self.end]

    @property
    def now(self) -> int:
        """The frame of `heard` that the server plays about now.

        JACK's own estimate, `frame_time`, is tens of milliseconds wrong for seconds after an xrun.
        """
        return int(time.monotonic() * self.rate + max(list(self._leads))) - self.begin

    def players(self) -> set[str]:
        """Output ports of programs."""
        ports = self._client.get_ports(is_audio=True, is_output=True)
        return {port.name for port in ports if not port.name.startswith("system:")}

    def listen(self, but: set[str] = frozenset(), seconds: float = 60.0) -> set[str]:  # type: ignore[assignment]
        """Connect the first output port that is not among `but` as soon as it is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            new_ports = sorted(self.players() - but)
            if new_ports:
                self._client.connect(new_ports[0], self._port)
                return set(new_ports)
            time.sleep(0.05)
        raise JackError(f"no program played to JACK within {seconds:.0f} s")

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()
