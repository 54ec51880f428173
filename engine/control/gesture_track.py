"""The gestures of a take as JSON Lines, each with the time of the hop that used it.

Besides the performer's commands it records what depends on the machine, in lines whose addresses
begin with /take/: when each decoded sound was used, and which it was. `engine.gestures` reads them.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.engine import atomic_file, history, tape
from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.state import is_of_note
from latentpad.engine.gestures import END, FADE, QUALITY, SOUND
from latentpad.engine.history import History, HistoryEntry, SoundEntry
from latentpad.models.packs import reference

MAX_BACKLOG = 50_000

Entry = dict[str, Any]


class GestureTrack:
    """Records every command from now until `stop`, and the sounds that result.

    The first lines bring a new instrument to the present state; held voices start their sounds
    again. The last line gives the length of the take. It is rewritten each time, so the file is
    always complete.
    """

    def __init__(self, instrument: Instrument, head: Entry, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self._instrument = instrument
        self._board = board = instrument.board
        self._unwritten: deque[Entry] = deque()
        self._pending: deque[tuple[int, Entry]] = (
            deque()
        )  # with the board's version that contains it
        self._pending_before = 0  # how many were pending at the last call of `listen`
        self._senders: dict[str, int] = {}
        self._lost = 0
        self._end: int | None = None
        self._kept_bytes = 0  # length of the file without the end line
        self._last = (
            self._written_end
        ) = -1.0  # s, of the last line, and of the end line in the file
        with instrument.frozen():
            self._history = History(board)
            self.began = self._listened_to = board.tape_head[0]
            state = instrument.state()
            self._last_serial = instrument.started  # of the sounds from before the take
            # A rendering numbers the held sounds from the seed on.
            seed = self._last_serial - len(state.held)
            voices = [loop.voice for loop in state.held]
            self._serials = {int(board.starts[v]): seed + k for k, v in enumerate(voices, 1)}
            self._unwritten.append({**head, "seed": seed, "sounds": True})
            if quality := int(board.player[b.QUALITY]):
                self._add(self.began, {"address": QUALITY, "args": [quality]})
            for command in state.commands():
                self._add(self.began, self._command_entry(*command))
            for voice in voices:
                if entry := self._current_sound(voice):
                    self._add(self.began, entry)
            instrument.taps.append(self._on_command)
            board.recorders[0] += 1

    @property
    def lost(self) -> str:
        lost = self._lost + self._history.lost
        return f"{lost} gestures" if lost else ""

    def _command_entry(self, address: str, args: Sequence[Argument], sender: Sender) -> Entry:
        """An entry with the sender's name, and its number where it matters: notes belong to their
        sender, and commands without a sender start no sound."""
        if address == "/pack":  # as the head names it
            args = tuple(reference.written(str(name), self.path.parent) for name in args)
        entry: Entry = {"address": address, "args": tuple(args)}
        if not sender.group:
            return {**entry, "from": 0}
        entry["by"] = sender.group
        if is_of_note(address):
            return {**entry, "from": self._senders.setdefault(sender.group, len(self._senders) + 1)}
        return entry

    def _current_sound(self, voice: int) -> Entry | None:
        """The entry for the sound that a held voice plays already, if any."""
        board = self._board
        placed = board.newest(voice, lambda buffer: history.sound_entry(board, voice, buffer))
        if placed is None or placed[0] == 0:
            return None
        return self._sound_entry(self._serials[int(board.starts[voice])], placed[1])

    def _sound_entry(self, number: int, sound: SoundEntry) -> Entry:
        # Of the pack that it was decoded by. The shortest text of each float32.
        latent = sound.latent[~np.isnan(sound.latent)].astype(np.float32)
        z = [float(str(x)) for x in latent]
        grain = sound.grain[~np.isnan(sound.grain)].tolist()
        grain[::2] = map(int, grain[::2])  # anchors, each before its amount
        return {"address": SOUND, "args": [number, sound.level, sound.original, *z, *grain]}

    def _on_command(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if len(self._pending) + len(self._unwritten) >= MAX_BACKLOG:
            self._lost += 1
            return
        # This runs while the change is written: the engine sees it with the next version.
        version = self._board.version[0] + 1
        self._pending.append((version, self._command_entry(address, args, sender)))

    def stop(self, end: int) -> None:
        """End the track at frame `end` of the tape."""
        with self._instrument.frozen():
            if self._end is None:
                self._end = end
                self._instrument.taps.remove(self._on_command)
                self._board.recorders[0] -= 1

    def listen(self) -> None:
        """Find the hops that used the pending commands, and read the history of the voices."""
        head = self._board.tape_head[0] if self._end is None else self._end
        placed = [*self._place_pending(head)]
        for happened in self._history.read(head):
            entry = self._history_entry(happened)
            if entry is not None:
                placed.append((happened.frame, entry))
        # The sort is stable: at one frame, commands come first and keep their order.
        for frame, entry in sorted(placed, key=lambda item: item[0]):
            self._add(frame, entry)
        self._listened_to = max(self._listened_to, head)
        self._pending_before = len(self._pending)

    def _place_pending(self, head: int) -> list[tuple[int, Entry]]:
        """The pending commands that hops before frame `head` were rendered from, each with the
        frame of the first such hop."""
        first, versions = tape.states(self._board, self._listened_to, head)
        hop = tape.hop_of(self._board)
        # While no sound is rendered, the next hop will use what was pending.
        stalled = self._pending_before if head == self._listened_to else 0
        placed: list[tuple[int, Entry]] = []
        while self._pending:
            version, entry = self._pending[0]
            k = int(np.searchsorted(versions, version))
            if k == len(versions) and self._end is None and len(placed) >= stalled:
                break
            placed.append((first + k * hop if k < len(versions) else head, entry))
            self._pending.popleft()
        return placed

    def _history_entry(self, happened: HistoryEntry) -> Entry | None:
        """The entry for it; None for a sound from before the take."""
        if happened.kind == history.FADE:
            return {"address": FADE, "args": []}
        if happened.kind == history.QUALITY:
            return {"address": QUALITY, "args": [happened.number]}
        serial = happened.number
        number = serial if serial > self._last_serial else self._serials.get(serial)
        if number is None:
            return None
        if len(self._unwritten) >= MAX_BACKLOG:
            self._lost += 1
            return None
        return self._sound_entry(number, happened.sound)

    def _add(self, frame: int, entry: Entry) -> None:
        self._unwritten.append({"t": self._seconds(frame), **entry})

    def _seconds(self, frame: int) -> float:
        return round(max(frame - self.began, 0) / self._board.shape.sample_rate, 6)

    def write(self) -> None:
        atomic_file.check_exists(self.fd)
        end = self._seconds(self._listened_to)
        if not self._unwritten and end == self._written_end:
            return
        os.ftruncate(self.fd, self._kept_bytes)
        while self._unwritten:
            entry = self._unwritten[0]
            atomic_file.append(self.fd, _encode(entry))
            self._kept_bytes = os.lseek(self.fd, 0, os.SEEK_END)
            self._last = max(self._last, entry.get("t", 0.0))
            self._unwritten.popleft()
        self._written_end = max(end, self._last)
        atomic_file.append(self.fd, _encode({"t": self._written_end, "address": END, "args": []}))

    def close(self) -> None:
        os.close(self.fd)


def _encode(entry: Entry) -> bytes:
    return json.dumps(entry).encode() + b"\n"
