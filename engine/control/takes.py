"""Takes: the sound and the gestures, written to disk while they are played.

The playing process keeps the last seconds of its output on the board's tape. The control process
writes them to disk, so no file is touched near the render loop. The files have their final names
from the start, and are complete at any moment except for the last half second: however the program
ends, what was played until then can be played again.
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
SYNC_S = 1.0  # interval of fsync
BACKLOG_S = 60.0  # of unwritten sound; more than this is dropped
CLOSE_TIMEOUT_S = 5.0  # the longest wait for a disk at the end

Report = Callable[[str], None]


def check(sound: Path | None, gestures: Path | None) -> None:
    """Raise `TakeError` for files of a take that cannot be written, before anything is started.

    The files are created as `begin` does it, and removed again.
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


def _created(paths: Sequence[Path]) -> list[tuple[Path, int]]:
    """New files with these names, or those that `atomic_file.create` chooses. Raises
    `TakeError`."""
    try:
        for path in paths:
            if path.exists() and not path.is_file():
                raise TakeError(f"{path} cannot be written: it is a folder, a pipe or a device")
        return atomic_file.create(paths)
    except OSError as error:
        raise TakeError(f"{error.filename} cannot be written: {error.strerror}") from None


class TakeFiles:
    """The files of a take that has not begun, with these names or those that `atomic_file.create`
    chooses.

    Raises `TakeError`; then no file is left.
    """

    def __init__(self, board: Board, sound: Path | None, gestures: Path | None) -> None:
        self._board = board
        requested = {"sound": sound, "gestures": gestures}
        paths = {kind: path for kind, path in requested.items() if path is not None}
        self._files = dict(zip(paths, _created(list(paths.values())), strict=True))
        self._sound: SoundTrack | None = None
        try:
            if sound is not None:
                self._sound = SoundTrack(board, *self._files["sound"])
        except OSError as error:
            self.drop()
            raise TakeError(f"{sound} cannot be written: {error.strerror}") from None

    def begin(self, instrument: Instrument, head: dict[str, Any], report: Report) -> Take:
        """Begin the take now. Nothing is written before its `start`.

        `head` is the first line of the gestures: what `render` needs to know.
        """
        tracks: list[Track] = []
        frame = self._board.tape_head[0]
        if "gestures" in self._files:
            track = GestureTrack(instrument, head, *self._files["gestures"])
            frame = track.began  # both tracks begin at the same frame
            tracks.append(track)
        if self._sound is not None:
            self._sound.begin(frame)
            tracks.insert(0, self._sound)
        return Take(tracks, report, self._board)

    def drop(self) -> None:
        """Remove the files: there will be no take."""
        for kind, (path, fd) in self._files.items():
            if kind == "sound" and self._sound is not None:
                with suppress(OSError):
                    self._sound.close()
            else:
                os.close(fd)
            path.unlink()


class Track(Protocol):
    """One file of a take. One thread calls `listen`, another one the methods that may wait for
    the disk. All may raise `OSError`."""

    path: Path
    fd: int

    @property
    def lost(self) -> str: ...
    def listen(self) -> None: ...
    def stop(self, end: int) -> None: ...
    def write(self) -> None: ...
    def close(self) -> None: ...


class SoundTrack:
    """The output, from the frame of the tape given to `begin` to that given to `stop`.

    Sound that the disk could not take in time becomes silence in the file, so that the rest stays
    in time with the gestures.
    """

    def __init__(self, board: Board, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self._file = sound_writer.SoundFileWriter(
            fd, sound_writer.format_of(path), board.shape.sample_rate
        )
        self._board = board
        self._read_to = 0
        self._end: int | None = None
        self._unwritten: deque[np.ndarray | int] = deque()  # sound, or the number of lost frames
        self._unwritten_frames = 0
        self._lost = 0

    @property
    def lost(self) -> str:
        seconds = self._lost / self._board.shape.sample_rate
        return f"{seconds:.2f} s of sound" if self._lost else ""

    def begin(self, frame: int) -> None:
        self._read_to = frame

    def stop(self, end: int) -> None:
        if self._end is None:
            self._end = end

    def listen(self) -> None:
        board = self._board
        end = board.tape_head[0] if self._end is None else self._end
        if self._unwritten_frames + end - self._read_to > int(BACKLOG_S * board.shape.sample_rate):
            self._mark_lost(end)
        while self._read_to < end:
            sound = (
                tape.read(board, self._read_to, end)
                if self._read_to >= tape.oldest(board)
                else None
            )
            if sound is None:  # overwritten, or soon to be
                self._mark_lost(min(tape.oldest(board), end))
            else:
                self._unwritten_frames += len(sound)
                self._unwritten.append(sound)
                self._read_to += len(sound)

    def _mark_lost(self, until: int) -> None:
        if until > self._read_to:
            self._unwritten.append(until - self._read_to)
            self._read_to = until

    def write(self) -> None:
        atomic_file.check_exists(self.fd)
        while self._unwritten:
            sound = self._unwritten.popleft()
            if isinstance(sound, int):
                self._lost += sound
                for count in (*[1 << 16] * (sound >> 16), sound % (1 << 16)):
                    self._file.write(np.zeros((count, 2), np.float32))
            else:
                self._unwritten_frames -= len(sound)
                self._file.write(sound)
        self._file.settle()

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            os.close(self.fd)


class Take:
    """The files of one take, and the two threads that write them. Control process, any thread.

    `report` is called with a line when files end: the take was ended, or a file could not be
    written. In that case all its files on that disk end, and the others continue.
    """

    def __init__(self, tracks: Sequence[Track], report: Report, board: Board) -> None:
        self.over = threading.Event()
        self.paths = tuple(track.path for track in tracks)
        self.names = ", ".join(map(str, self.paths))
        self._tracks = list(tracks)
        self._report = report
        self._board = board
        self._began = board.played_s
        self._stopping = threading.Event()
        self._listened = threading.Event()

    def start(self) -> None:
        """Begin to write what has been played since the take began. Call it once."""
        for target in (self._listen, self._write):
            threading.Thread(target=target, name="take", daemon=True).start()

    def stop(self) -> None:
        """End the take here. Returns at once; `over` is set when the files are closed."""
        end = self._board.tape_head[0]
        for track in self._tracks:
            track.stop(end)
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        """Whether it was ended."""
        return self._stopping.is_set()

    def close(self) -> None:
        """`stop`, and wait until the files are closed, or the disk has not answered for
        `CLOSE_TIMEOUT_S`."""
        self.stop()
        if not self.over.wait(CLOSE_TIMEOUT_S):
            self._report(f"take   {self.names}: the disk does not answer; the end may be missing")

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
            failed: dict[int, OSError] = {}  # by disk: an error of one file affects all on its disk
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
        lost_note = f"; the disk was too slow for {lost}" if lost else ""
        names = ", ".join(str(track.path) for track in tracks)
        self._report(f"take   {names} ended after {seconds}{why}{lost_note}")
