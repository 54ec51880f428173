"""Carries what the ports receive to the control process.

RtMidi calls back on the MIDI system's own thread, JACK's is its audio thread. It only leaves the
bytes here. A thread of its own reads them, and sends the changes of a millisecond together.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from latentpad.controllers.midi.backlog import Backlog
from latentpad.controllers.midi.controls import Controls

PACE_S = 0.001  # between two batches
MOST_RAW = 1 << 14  # messages that wait to be read
SEND_BYTES = 1 << 14  # the socket's buffer: what lies there is not replaced by newer values
_NOTES = (0x80, 0x90)


class Courier:
    """Reads and sends, until `words` is closed. Any thread may call.

    `words` is the socket to the control process. `plain` are parts of the names of ports whose
    controllers are all single ones.
    """

    def __init__(self, words: socket.socket, plain: Sequence[str] = ()) -> None:
        self._words = words
        self._plain = [name.casefold() for name in plain]
        words.setblocking(False)
        words.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        self._raw: deque[tuple[str, bytes | dict[str, Any], float]] = deque()
        self._dropped = 0  # messages that found no room
        self._controls: dict[str, Controls] = {}
        self._backlog = Backlog()
        self._unsent = b""
        self._awake = False
        self._wake_receiver, self._wake_sender = os.pipe()
        os.set_blocking(self._wake_sender, False)
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def receive(self, port: str, data: list[int]) -> None:
        """Bytes have come at a port. Returns at once."""
        if len(self._raw) >= MOST_RAW and (not data or data[0] & 0xF0 not in _NOTES):
            self._dropped += 1
            return
        self._raw.append((port, bytes(data), time.monotonic()))
        self._wake()

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a word of another kind, after all that has come before it."""
        self._raw.append(("", {"kind": kind, **fields}, 0.0))
        self._wake()

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True
            with suppress(BlockingIOError):
                os.write(self._wake_sender, b".")

    def _run(self) -> None:
        while True:
            waits = self._unsent or len(self._backlog)
            due_at = min((c.due_at for c in self._controls.values() if c.due_at), default=None)
            timeout = None if due_at is None else max(due_at - time.monotonic(), 0.0)
            readable, writable, _ = select.select(
                [self._wake_receiver], [self._words] if waits else [], [], timeout
            )
            if readable:
                os.read(self._wake_receiver, 1)
                self._awake = False
            self._read()
            if writable or not waits:
                self._send()
                time.sleep(PACE_S)

    def _read(self) -> None:
        """Read what has come, and what has waited long enough for its other half."""
        while self._raw:
            port, data, came_at = self._raw.popleft()
            if isinstance(data, dict):
                if data["kind"] in ("opened", "closed"):  # half a message ends with its cable
                    self._controls.pop(data["port"], None)
                self._backlog.tell(**data)
                continue
            controls = self._controls.get(port) or self._new_controls(port)
            for change in controls.feed(data, came_at):
                self._backlog.add(port, change)
        now = time.monotonic()
        for port, controls in self._controls.items():
            for change in controls.due(now):
                self._backlog.add(port, change)

    def _new_controls(self, port: str) -> Controls:
        plain = any(name in port.casefold() for name in self._plain)
        controls = self._controls[port] = Controls(plain=plain)
        return controls

    def _send(self) -> None:
        if not self._unsent:
            lost, self._backlog.dropped = self._backlog.dropped + self._dropped, 0
            self._dropped = 0
            if lost:
                self._backlog.tell("lost", count=lost)
            lines = [json.dumps(word, separators=(",", ":")) for word in self._backlog.take()]
            self._unsent = "".join(f"{line}\n" for line in lines).encode()
        try:
            sent = self._words.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            return
        except OSError:  # the control process has gone, and so will this one
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
