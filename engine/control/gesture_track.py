"""The gestures of a take, as JSON Lines, each at the hop in which it was heard.

Beside the performer's commands it keeps what only the machine knew, in lines whose addresses begin
with /take/: when each decoded sound was taken up, and which it was. `engine.gestures` reads them.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.engine import atomic_file, history, tape
from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.gestures import END, FADE, QUALITY, SOUND
from latentpad.engine.history import History, HistoryEntry, SoundEntry

BACKLOG_LINES = 50_000

Line = dict[str, Any]


class GestureTrack:
    """Every command from now until `stop`, and the sounds that came of them.

    The first lines bring a fresh instrument to where this one is; what is held begins its sound
    anew. The last one tells how long the take is, at any moment: it is written over.
    """

    def __init__(self, instrument: Instrument, head: Line, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self._instrument = instrument
        self._board = board = instrument.board
        self._waiting: deque[Line] = deque()
        self._pending: deque[tuple[int, Line]] = deque()  # with the board's version that has it
        self._left = 0  # how many were pending when last looked at
        self._senders: dict[str, int] = {}
        self._lost = 0
        self._end: int | None = None
        self._kept = 0  # bytes; what comes after them in the file is the end line
        self._last = self._told = -1.0  # s, of the last line and of the end in the file
        with instrument.still():
            self._history = History(board)
            self.began = self._at = board.tape_head[0]
            state = instrument.state()
            self._known = instrument.started  # sounds after this one are the take's own
            seed = self._known - len(state.held)  # their numbers in a rendering begin with the next
            voices = [each.voice for each in state.held]
            self._serials = {int(board.starts[v]): seed + k for k, v in enumerate(voices, 1)}
            self._waiting.append({**head, "seed": seed, "sounds": True})
            if quality := int(board.player[b.QUALITY]):
                self._put(self.began, {"address": QUALITY, "args": [quality]})
            for command in state.commands():
                self._put(self.began, self._line(*command))
            for voice in voices:
                if line := self._sound_of(voice):
                    self._put(self.began, line)
            instrument.taps.append(self._heard)

    @property
    def lost(self) -> str:
        lost = self._lost + self._history.lost
        return f"{lost} gestures" if lost else ""

    def _line(self, address: str, args: Sequence[Argument], sender: Sender) -> Line:
        """Notes belong to who sent them, and what nobody sent starts no sound: both are told."""
        line: Line = {"address": address, "args": tuple(args)}
        if not sender.group:
            return {**line, "from": 0}
        if address == "/note":
            return {**line, "from": self._senders.setdefault(sender.group, len(self._senders) + 1)}
        return line

    def _sound_of(self, voice: int) -> Line | None:
        """The line of what a held voice plays already, if it plays."""
        board = self._board
        found = board.newest(voice, lambda buffer: history.sound_entry(board, voice, buffer))
        if found is None or found[0] == 0:
            return None
        return self._sound(self._serials[int(board.starts[voice])], found[1])

    def _sound(self, number: int, sound: SoundEntry) -> Line:
        # As short as a float32 can be said.
        latent = sound.latent[: self._instrument.latent_dim].astype(np.float32)
        z = [float(str(x)) for x in latent]
        return {"address": SOUND, "args": [number, sound.level, sound.original, *z]}

    def _heard(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if len(self._pending) + len(self._waiting) >= BACKLOG_LINES:
            self._lost += 1
            return
        # It is called while the change is written: the engine sees it with the next version.
        version = self._board.version[0] + 1
        self._pending.append((version, self._line(address, args, sender)))

    def stop(self, end: int) -> None:
        """What is played from frame `end` of the tape on is not the take's."""
        if self._end is None:
            self._end = end
            with suppress(ValueError):
                self._instrument.taps.remove(self._heard)

    def listen(self) -> None:
        """Find the hops that have heard what is pending, and what the voices have done."""
        head = self._board.tape_head[0] if self._end is None else self._end
        found = [*self._placed(head)]
        for happened in self._history.read(head):
            line = self._entry(happened)
            if line is not None:
                found.append((happened.frame, line))
        for at, line in sorted(found, key=lambda each: each[0]):  # commands first, in their order
            self._put(at, line)
        self._at = max(self._at, head)
        self._left = len(self._pending)

    def _placed(self, head: int) -> list[tuple[int, Line]]:
        """The pending commands that hops until frame `head` were made from, each at the first."""
        first, versions = tape.states(self._board, self._at, head)
        hop = tape.hop_of(self._board)
        # Where the sound stands still, the hop that comes next will have heard what waits.
        still = self._left if head == self._at else 0
        found: list[tuple[int, Line]] = []
        while self._pending:
            version, line = self._pending[0]
            k = int(np.searchsorted(versions, version))
            if k == len(versions) and self._end is None and len(found) >= still:
                break
            found.append((first + k * hop if k < len(versions) else head, line))
            self._pending.popleft()
        return found

    def _entry(self, what: HistoryEntry) -> Line | None:
        """Its line; None of a sound that was there before the take."""
        if what.kind == history.FADE:
            return {"address": FADE, "args": []}
        if what.kind == history.QUALITY:
            return {"address": QUALITY, "args": [what.number]}
        number = what.number if what.number > self._known else self._serials.get(what.number)
        if number is None:
            return None
        if len(self._waiting) >= BACKLOG_LINES:
            self._lost += 1
            return None
        return self._sound(number, what.sound)

    def _put(self, at: int, line: Line) -> None:
        self._waiting.append({"t": self._seconds(at), **line})

    def _seconds(self, at: int) -> float:
        return round(max(at - self.began, 0) / self._board.shape.sample_rate, 6)

    def write(self) -> None:
        atomic_file.check_exists(self.fd)
        end = self._seconds(self._at)
        if not self._waiting and end == self._told:
            return
        os.ftruncate(self.fd, self._kept)
        while self._waiting:
            line = self._waiting[0]
            atomic_file.append(self.fd, _encoded(line))
            self._kept = os.lseek(self.fd, 0, os.SEEK_END)
            self._last = max(self._last, line.get("t", 0.0))
            self._waiting.popleft()
        self._told = max(end, self._last)
        atomic_file.append(self.fd, _encoded({"t": self._told, "address": END, "args": []}))

    def close(self) -> None:
        os.close(self.fd)


def _encoded(line: Line) -> bytes:
    return json.dumps(line).encode() + b"\n"
