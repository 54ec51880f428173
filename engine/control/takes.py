"""Takes: the sound and the gestures, on disk as they come.

The playing process leaves the last seconds of its output on the board's tape; the control
process writes them to disk, so that no file is ever touched near the render loop. The files
have their own names from the start and are whole at any moment but for the last half second:
whatever ends the program, what was played until then can be played again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from latentpad.engine import atomic_file, sound_writer, tape
from latentpad.engine.board import Board
from latentpad.engine.control.gesture_track import GestureTrack
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.gestures import TakeError

LISTEN_S = 0.1
WRITE_S = 0.25
SYNC_S = 1.0  # so often the system is asked to bring it to the disk itself
BACKLOG_S = 60.0  # of sound that a slow disk may be behind
GONE_S = 5.0  # a disk that does not answer for so long is not waited for at the end

Tell = Callable[[str], None]


def check(sound: Path | None, gestures: Path | None) -> None:
    """Raise `TakeError` for files of a take that cannot be made, before anything is started.

    They are made as `begin` does it, and removed again.
    """
    try:
        if sound is not None:
            sound_writer.format_of(sound)
        if gestures is not None and gestures.suffix.lower() in sound_writer.FORMATS:
            raise ValueError(f"{gestures}: gestures are JSON Lines; name it take.jsonl or the like")
    except ValueError as error:
        raise TakeError(str(error)) from None
    for path, fd in _created([path for path in (sound, gestures) if path is not None]):
        os.close(fd)
        path.unlink()


def _created(wanted: Sequence[Path]) -> list[tuple[Path, int]]:
    """New files under these names, or such as `whole.create` gives. Raises `TakeError`."""
    try:
        for path in wanted:
            if path.exists() and not path.is_file():
                raise TakeError(f"{path} cannot be written: it is a folder, a pipe or a device")
        return atomic_file.create(wanted)
    except OSError as error:
        raise TakeError(f"{error.filename} cannot be written: {error.strerror}") from None


class TakeFiles:
    """The files of a take that has not begun, under these names, or such as `whole.create` gives.

    Raises `TakeError`; then no file is left.
    """

    def __init__(self, board: Board, sound: Path | None, gestures: Path | None) -> None:
        self._board = board
        asked = {"sound": sound, "gestures": gestures}
        wanted = {kind: path for kind, path in asked.items() if path is not None}
        self._files = dict(zip(wanted, _created(list(wanted.values())), strict=True))
        self._sound: SoundTrack | None = None
        try:
            if sound is not None:
                self._sound = SoundTrack(board, *self._files["sound"])
        except OSError as error:
            self.drop()
            raise TakeError(f"{sound} cannot be written: {error.strerror}") from None

    def begin(self, instrument: Instrument, head: dict[str, Any], tell: Tell) -> Take:
        """The take, from now on; nothing is written before its `start`.

        `head` is the gestures' first line: what `render` needs to know.
        """
        tracks: list[Track] = []
        at = self._board.tape_head[0]
        if "gestures" in self._files:
            track = GestureTrack(instrument, head, *self._files["gestures"])
            at = track.began  # of both: they are in step
            tracks.append(track)
        if self._sound is not None:
            self._sound.begin(at)
            tracks.insert(0, self._sound)
        return Take(tracks, tell, self._board)

    def drop(self) -> None:
        """Remove the files: there is no take."""
        for kind, (path, fd) in self._files.items():
            if kind == "sound" and self._sound is not None:
                with suppress(OSError):
                    self._sound.close()
            else:
                os.close(fd)
            path.unlink()


class Track(Protocol):
    """One file of a take. `listen` is called by one thread, what may wait for the disk by
    another; they raise `OSError`."""

    path: Path
    fd: int

    @property
    def lost(self) -> str: ...
    def listen(self) -> None: ...
    def stop(self, end: int) -> None: ...
    def write(self) -> None: ...
    def close(self) -> None: ...


class SoundTrack:
    """The output, from the frame of the tape that `begin` is given until that of `stop`.

    What the disk could not take in time is silence in the file, so that the sound keeps its
    place beside the gestures.
    """

    def __init__(self, board: Board, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self._file = sound_writer.SoundFileWriter(
            fd, sound_writer.format_of(path), board.shape.sample_rate
        )
        self._board = board
        self._at = 0
        self._end: int | None = None
        self._waiting: deque[np.ndarray | int] = deque()  # sound, or how many frames are lost
        self._behind = 0
        self._lost = 0

    @property
    def lost(self) -> str:
        seconds = self._lost / self._board.shape.sample_rate
        return f"{seconds:.2f} s of sound" if self._lost else ""

    def begin(self, at: int) -> None:
        self._at = at

    def stop(self, end: int) -> None:
        if self._end is None:
            self._end = end

    def listen(self) -> None:
        board = self._board
        end = board.tape_head[0] if self._end is None else self._end
        if self._behind + end - self._at > int(BACKLOG_S * board.shape.sample_rate):
            self._lose(end)
        while self._at < end:
            sound = tape.read(board, self._at, end) if self._at >= tape.oldest(board) else None
            if sound is None:  # written over, or soon to be
                self._lose(min(tape.oldest(board), end))
            else:
                self._behind += len(sound)
                self._waiting.append(sound)
                self._at += len(sound)

    def _lose(self, until: int) -> None:
        if until > self._at:
            self._waiting.append(until - self._at)
            self._at = until

    def write(self) -> None:
        atomic_file.check_exists(self.fd)
        while self._waiting:
            sound = self._waiting.popleft()
            if isinstance(sound, int):
                self._lost += sound
                for count in (*[1 << 16] * (sound >> 16), sound % (1 << 16)):
                    self._file.write(np.zeros((count, 2), np.float32))
            else:
                self._behind -= len(sound)
                self._file.write(sound)
        self._file.settle()

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            os.close(self.fd)


class Take:
    """The files of one take, and the two threads that write them. Control process, any thread.

    `tell` is called once when it is over, with a line: it was ended, or a file could not be
    written on. Then all of its files on that disk end there, and the others go on.
    """

    def __init__(self, tracks: Sequence[Track], tell: Tell, board: Board) -> None:
        self.over = threading.Event()
        self.names = ", ".join(str(track.path) for track in tracks)
        self._tracks = list(tracks)
        self._tell = tell
        self._board = board
        self._began = board.played_s
        self._stopping = threading.Event()
        self._listened = threading.Event()

    def start(self) -> None:
        """Begin to write what has been played since it began. Once."""
        for target in (self._listen, self._write):
            threading.Thread(target=target, name="take", daemon=True).start()

    def stop(self) -> None:
        """End it here. Returns at once; `over` is set when the files are closed."""
        end = self._board.tape_head[0]
        for track in self._tracks:
            track.stop(end)
        self._stopping.set()

    def close(self) -> None:
        """`stop`, and wait until the files are closed, or the disk has not answered for long."""
        self.stop()
        if not self.over.wait(GONE_S):
            self._tell(f"take   {self.names}: the disk does not answer; the end may be missing")

    def _listen(self) -> None:
        while not self._stopping.wait(LISTEN_S):
            for track in self._tracks:
                track.listen()
        for track in self._tracks:
            track.listen()
        self._listened.set()

    def _write(self) -> None:
        synced = time.monotonic()
        last = False
        while self._tracks and not last:
            last = self._listened.wait(WRITE_S)
            due = last or time.monotonic() - synced > SYNC_S
            failed: dict[int, OSError] = {}  # by disk: what one file has met the others would meet
            for track in self._tracks:
                try:
                    track.write()
                    if due:
                        os.fsync(track.fd)
                except OSError as error:
                    failed.setdefault(os.fstat(track.fd).st_dev, error)
            for disk, fault in failed.items():
                self._end([t for t in self._tracks if os.fstat(t.fd).st_dev == disk], fault)
            synced = time.monotonic() if due else synced
        if self._tracks:
            self._end(self._tracks)
        self._stopping.set()
        self.over.set()

    def _end(self, tracks: Sequence[Track], fault: OSError | None = None) -> None:
        self._tracks = [track for track in self._tracks if track not in tracks]
        end = self._board.tape_head[0]
        for track in tracks:
            track.stop(end)
            try:
                track.close()
            except OSError as error:
                fault = fault or error
        seconds = f"{self._board.played_s - self._began:.1f} s"
        why = "" if fault is None else f": {fault.strerror or fault}; the sound goes on"
        lost = " and ".join(track.lost for track in tracks if track.lost)
        late = f"; the disk was too slow for {lost}" if lost else ""
        names = ", ".join(str(track.path) for track in tracks)
        self._tell(f"take   {names} ended after {seconds}{why}{late}")
