"""Consistency of the board's data while another process writes at full speed.

`python -m latentpad.benchmarks.board SECONDS`: no reading may be torn, and all data must arrive.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from typing import Any

import numpy as np

from latentpad.engine import board as b
from latentpad.engine import history, tape
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.history import History, SoundEntry

SHAPE = BoardShape(frames=64, bins=513, samples=16_384, sample_rate=8_000)
TURNS = 4  # voices that get a sound in turn
EDGE = 2  # hops between reader and writer of the tape
CHECK = 64  # writes between two checks for the end
EXACT = 1 << 24  # whole numbers below are exact in float32


@dataclass
class ReaderResult:
    """The readings of a reader."""

    readings: int = 0  # consistent ones
    dropped: int = 0  # inconsistent ones that the cursor detected
    torn: int = 0  # inconsistent ones that were not detected
    last: float = 0.0

    def take(self, *parts: Any) -> None:
        """Check a reading: all numbers are equal, and not smaller than the last one."""
        low = min(float(np.min(part)) for part in parts)
        high = max(float(np.max(part)) for part in parts)
        self.torn += low != high or low < self.last
        self.readings += 1
        self.last = high


def _unwrapped(samples: np.ndarray, k: int) -> np.ndarray:
    """Float32 `samples` that should all be k % EXACT, as float64 numbers that should be k."""
    return samples.astype(np.float64) + (k - k % EXACT)


def _write_values(board: Board, k: int) -> None:
    with board.writing():
        board.values[:] = board.latents[:] = k
        board.points[:] = k


def _read_values(board: Board, seen: ReaderResult) -> None:
    tries = 0
    earlier: tuple[np.ndarray, ...] = ()

    def read() -> tuple[np.ndarray, ...]:
        nonlocal tries
        tries += 1
        return board.points.copy(), board.values.copy(), board.latents.copy()

    if board.version[0] == 0:
        return
    values = board.consistent(read, earlier)
    seen.dropped += tries - (values is not earlier)
    if values is not earlier:
        seen.take(*values)


def _write_event(board: Board, k: int) -> None:
    while not board.send(Event(b.START, 0, 0, k, float(k), k)):
        time.sleep(0)


def _read_events(board: Board, seen: ReaderResult) -> None:
    for event in board.received():
        seen.torn += event.serial != seen.last + 1  # each once and in order
        seen.take(event.request, event.level_db, event.serial)


def _write_sound(board: Board, k: int) -> None:
    voice = k % TURNS
    buffer_index = board.next_buffer(voice)
    board.sound_gain[voice, buffer_index] = k
    board.sounds[voice, buffer_index] = k % EXACT
    board.publish(voice)


def _read_sound(board: Board, seen: ReaderResult) -> None:
    tries = 0

    def read(buffer_index: int) -> tuple[Any, ...]:
        nonlocal tries
        tries += 1
        frames = [frame.copy() for frame in board.sounds[0, buffer_index]]  # slowly
        return float(board.sound_gain[0, buffer_index]), np.stack(frames)

    newest = board.newest(0, read)
    seen.dropped += tries - (newest is not None)
    if newest is not None:
        k = newest[0] * TURNS
        gain, frames = newest[1]
        seen.take(k, gain, _unwrapped(frames, k))


def _write_tape(board: Board, k: int) -> None:
    tape.write(board, np.full((tape.hop_of(board), 2), k % EXACT, np.float32), k)


def _read_tape(board: Board, seen: ReaderResult) -> None:
    """Read the oldest hop that is not yet overwritten."""
    hop = tape.hop_of(board)
    start = board.tape_head[0] - len(board.tape) + EDGE * hop
    if start < 0:
        return
    samples = tape.read(board, start, start + hop)
    if samples is None:
        seen.dropped += 1
        return
    k = start // hop + 1
    seen.take(k, _unwrapped(samples, k))
    first, versions = tape.states(board, start, start + 2 * hop)
    seen.torn += not np.array_equal(versions, first // hop + 1 + np.arange(len(versions)))


def _write_history(board: Board, k: int) -> None:
    history.record(board, history.SOUND, k, SoundEntry(k, k, np.full(b.LATENT_MAX, k)))


def _reader_of_history() -> Callable[[Board, ReaderResult], None]:
    reader: History | None = None

    def read(board: Board, seen: ReaderResult) -> None:
        nonlocal reader
        reader = reader or History(board)
        for each in reader.read(1):
            seen.take(each.number, each.sound.level, each.sound.original, each.sound.latent)
        seen.dropped = reader.lost

    return read


Write = Callable[[Board, int], None]
Read = Callable[[Board, ReaderResult], None]


def kinds() -> dict[str, tuple[Write, Read]]:
    """The kinds of data on the board: a function that writes a number, and one that reads."""
    return {
        "values": (_write_values, _read_values),
        "events": (_write_event, _read_events),
        "sounds": (_write_sound, _read_sound),
        "tape": (_write_tape, _read_tape),
        "history": (_write_history, _reader_of_history()),
    }


def _write(board: Board, name: str, stop: Any) -> None:
    write = kinds()[name][0]
    for k in count(1):
        if k % CHECK == 0 and stop.is_set():
            return
        write(board, k)


def stress(name: str, seconds: float) -> ReaderResult:
    """Read what another process writes, for `seconds` from its start."""
    board, context = Board(SHAPE), get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=_write, args=(board, name, stop), daemon=True)
    writer.start()
    read, seen = kinds()[name][1], ReaderResult()
    end = None
    try:
        while end is None or time.monotonic() < end:
            read(board, seen)
            if end is None and seen.readings:
                end = time.monotonic() + seconds
            if writer.exitcode is not None:
                raise RuntimeError(f"{name}: the writer ended with {writer.exitcode}")
    finally:
        stop.set()
        while writer.is_alive():
            read(board, seen)  # a writer that waits for room must notice the end
            writer.join(0.01)
    return seen


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    print("| what | whole readings | dropped | torn |\n| --- | --- | --- | --- |")
    for name in kinds():
        seen = stress(name, seconds)
        print(f"| {name} | {seen.readings:,} | {seen.dropped:,} | {seen.torn} |", flush=True)


if __name__ == "__main__":
    main()
