"""The programs that are measured: `latentpad play`, and the least possible one."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from latentpad.benchmarks.card import Card
from latentpad.benchmarks.jack_server import JackServer
from latentpad.controllers.osc.packet import decode, encode, encode_bundle
from latentpad.controllers.osc.subscribers import COPY_S
from latentpad.engine.parameters import FINGER, FINGERS
from latentpad.engine.play.devices import DeviceError
from latentpad.models.progress import LogCallback

Server = JackServer | Card
"""The output to which the programs play."""


class PlayProcess:
    """`latentpad play` in a process of its own, controlled by OSC. Without a `server` it plays to
    the null output."""

    def __init__(
        self,
        server: Server | None,
        port: int,
        block: int,
        ring: float | None,
        say: LogCallback = print,
        pack: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._address = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        began = time.monotonic()
        device = None if server is None else server.device
        with tempfile.TemporaryFile("w+") as errors:
            self._program = subprocess.Popen(
                [sys.executable, "-m", "latentpad.cli.main", "play", "--osc-port", str(port),
                 "--block", str(block), *(() if ring is None else ("--ring", str(ring))),
                 *(() if device is None else ("--device", device)),
                 *(("--null-audio",) if server is None else ()),
                 *(() if pack is None else ("--pack", pack)), *options],
                env=None if server is None else server.environment(),
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
            self._begin(say, errors)
        self.ready_s = time.monotonic() - began
        self.pid = self._program.pid

    def _begin(self, say: LogCallback, errors: IO[str]) -> None:
        """Wait until it is ready; `errors` is its standard error.

        Raises `DeviceError`, or `RuntimeError` with the last line of `errors`.
        """
        assert self._program.stdout is not None
        for line in starting(self._program.stdout, say):
            if line.startswith("no sound device"):
                self.close()
                raise DeviceError(line.partition(";")[0])
            if line == "ready":
                return
        errors.seek(0)
        why = errors.read().strip().splitlines() or ["it does not say why"]
        raise RuntimeError(f"latentpad play did not become ready: {why[-1]}")

    def send(self, *messages: tuple[str, tuple[Any, ...]]) -> None:
        """One packet: a message, or a bundle of several."""
        packed = [encode(address, args) for address, args in messages]
        packet = packed[0] if len(packed) == 1 else encode_bundle(packed)
        self._socket.sendto(packet, self._address)

    def family(self) -> list[psutil.Process]:
        """All of its processes."""
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def memory(self) -> float:
        """MB of its processes that no file holds: what could grow without an end. What they share
        is of one size, and PSS depends on what else runs on the machine."""
        kilobytes = 0
        for process in self.family():
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    kilobytes += int(line.split()[1])
        return kilobytes / 1024

    def meters(self) -> dict[str, tuple[Any, ...]]:
        """The newest values of its meters."""
        return synced(self._address[1], 0.4)

    def subscribe(self) -> socket.socket:
        """A socket to which it sends its meters until the socket is closed."""
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.setblocking(False)
        asking.sendto(encode("/sync"), self._address)
        return asking

    @staticmethod
    def messages(subscription: socket.socket) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The messages that have come since the last call."""
        while True:
            try:
                yield from ((m.address, m.args) for m in decode(subscription.recv(65536)).messages)
            except BlockingIOError:
                return

    def close(self) -> None:
        self._program.terminate()
        try:
            self._program.wait(5)
        except subprocess.TimeoutExpired:
            self._program.kill()


def starting(lines: Iterable[str], say: LogCallback) -> Iterator[str]:
    """The lines that an instrument prints as it starts; reasons of a slow start go to `say`."""
    for line in lines:
        if "kernels" in line or "still starting" in line:
            say(line.strip())
        yield line.strip()


def synced(port: int, seconds: float = 0.0) -> dict[str, tuple[Any, ...]]:
    """All values that an instrument sends after a `/sync`, and what changes within `seconds`.

    A host gets all values once a second: the wait for them is not limited by `seconds`. The meters
    are among what changes.
    """
    values: dict[str, tuple[Any, ...]] = {}
    last = FINGER[-1].address.format(n=FINGERS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2 * COPY_S)
        asking.sendto(encode("/sync"), ("127.0.0.1", port))
        end = time.monotonic() + seconds
        while time.monotonic() < end or last not in values:
            try:
                packet = decode(asking.recv(65536))
            except TimeoutError:
                break
            values |= {m.address: tuple(m.args) for m in packet.messages}
    return values


@contextmanager
def least_program(
    server: Server, block: int, end: dict[str, Any] | None = None
) -> Iterator[Callable[[float], None]]:
    """`benchmarks.floor`, and a function that sets its amplitude; `end` gets its output at the end.

    Raises `DeviceError` if it cannot play.
    """
    port = free_port()
    program = subprocess.Popen(
        [sys.executable, "-m", "latentpad.benchmarks.floor",
         str(port), str(block), server.device or ""],
        env=server.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    if (output := program.stdout.readline().strip()) != "ready":
        program.communicate()
        raise DeviceError(f"the output cannot be opened: {output}")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        yield lambda level: _send_level(sender, port, level)
    finally:
        sender.sendto(b"", ("127.0.0.1", port))
        output, _ = program.communicate(timeout=20)
        if end is not None:
            end.update(json.loads(output.splitlines()[-1]))


def _send_level(sender: socket.socket, port: int, level: float) -> None:
    sender.sendto(struct.pack("<f", level), ("127.0.0.1", port))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
