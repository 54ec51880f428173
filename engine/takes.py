"""Takes: the sound as a WAV, the gestures as JSON Lines beside it.

The playing process leaves the last seconds of its output on the board's tape; the control
process writes them to disk, so that no file is ever touched near the render loop. Files are
written under a temporary name and get their own when they are whole.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from engine.board import Board
from engine.instrument import Instrument, Sender
from engine.parameters import Argument

DRAIN_S = 0.1


class TakeError(Exception):
    """A take that cannot be written or read: one line with the file and the reason."""


class SoundTake:
    """Writes the output to a 24-bit WAV from now until `close`. Control process.

    Raises `TakeError` if the file cannot be made. `lost` counts frames that came faster than
    the disk took them.
    """

    def __init__(self, board: Board, path: Path) -> None:
        import soundfile

        self.lost = 0
        self._board = board
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        try:
            self._file = soundfile.SoundFile(
                self._part, "w", board.shape.sample_rate, 2, "PCM_24", format="WAV"
            )
        except (OSError, RuntimeError) as error:
            raise TakeError(f"{path} cannot be written: {error}") from None
        self._at = int(board.tape_head[0])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.wait(DRAIN_S):
            self._drain()

    def _drain(self) -> None:
        tape = self._board.tape
        head, length = int(self._board.tape_head[0]), len(tape)
        if head - self._at > length // 2:
            self.lost += head - length // 2 - self._at
            self._at = head - length // 2
        while self._at < head:
            start = self._at % length
            count = min(head - self._at, length - start)
            self._file.write(np.clip(tape[start : start + count], -1, 1))
            self._at += count

    def close(self) -> None:
        """The take is whole: give it its name."""
        self._ending.set()
        self._thread.join()
        self._drain()
        self._file.close()
        self._part.replace(self._path)


class GestureTake:
    """Writes every command from now until `close` as JSON Lines. Control process.

    The first lines bring an instrument that starts from the same preset to where this one is.
    """

    def __init__(
        self,
        instrument: Instrument,
        path: Path,
        *,
        preset: str,
        pack: str,
        library: Path | None = None,
    ) -> None:
        self._instrument = instrument
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        try:
            self._file: TextIO = self._part.open("w", encoding="utf-8")
        except OSError as error:
            raise TakeError(f"{path} cannot be written: {error.strerror}") from None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        own = {} if library is None else {"library": str(library.resolve())}
        self._write({"preset": preset, "pack": pack, "seed": 0, **own})
        for address, args in instrument.whole():
            self._write({"t": 0.0, "address": address, "args": list(args)})
        instrument.taps.append(self._heard)

    def _heard(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        t = round(time.monotonic() - self._began, 6)
        self._write({"t": t, "address": address, "args": list(args)})

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """The take is whole: give it its name."""
        self._instrument.taps.remove(self._heard)
        with self._lock:
            self._file.close()
        self._part.replace(self._path)


def read_gestures(path: Path) -> tuple[dict[str, Any], list[tuple[float, str, list[Argument]]]]:
    """A gesture recording's head and its messages (t in seconds, address, args), times rising.

    Raises `TakeError` naming the line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TakeError(f"{path} cannot be read: {error}") from None
    if not lines:
        raise TakeError(f"{path} is empty: a gesture recording begins with a line of JSON")
    parsed = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise TakeError(f"{path}, line {number}: not JSON: {error.msg}") from None
        if not isinstance(entry, dict):
            raise TakeError(f"{path}, line {number}: expected a JSON object")
        parsed.append(entry)
    messages: list[tuple[float, str, list[Argument]]] = []
    last = 0.0
    for number, entry in enumerate(parsed[1:], 2):
        t, address, args = entry.get("t"), entry.get("address"), entry.get("args")
        if not isinstance(t, int | float) or not 0 <= t < 86400:
            raise TakeError(f"{path}, line {number}: t: a time in seconds is wanted, got {t!r}")
        if t < last:
            raise TakeError(f"{path}, line {number}: t: {t} comes after {last}: times must rise")
        if not isinstance(address, str) or not address.startswith("/"):
            raise TakeError(f"{path}, line {number}: address: {address!r} is no OSC address")
        if not isinstance(args, list) or not all(isinstance(a, int | float | str) for a in args):
            raise TakeError(f"{path}, line {number}: args: a list of numbers and names is wanted")
        last = float(t)
        messages.append((last, address, args))
    return parsed[0], messages
