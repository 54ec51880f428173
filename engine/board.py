"""The board: the memory that the instrument's three processes share.

The control process writes what the performer wants (values, points, events), the decoding process
writes decoded sounds, the playing process writes meters and the tape. Each field has one writer.
This also holds for "ready": no other process resets it, but it loses its meaning when the next
process is started (engine/process_status.py). The board outlives the processes that read it, so a
new process finds the whole state. It shows the decoded sounds of one pack (engine/sound_memory.py).

The render loop never waits here. A value is replaced by a newer one. Readers of several values that
belong together use `Board.consistent`. Events must not be lost, so they pass through a ring. A
decoded sound is written to the next of three buffers and then published; `Board.newest` copies it.
Which cursor publishes which field: `engine.atomic`.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep
from typing import Any, NamedTuple, TypeVar

import numpy as np

from latentpad.engine.atomic import AtomicCursors, fence
from latentpad.engine.parameters import BLENDED, LATENT_MAX, VALUES, VOICES, defaults
from latentpad.engine.sound_memory import BUFFERS, SoundMemory, SoundShape, arrays, field_bytes

T = TypeVar("T")

EVENTS = 1024
LATTICE_SLOTS = 64
TAPE_SECONDS = 4
HISTORY = 2048
TRIES = 8  # of a read during which something was written
STARTUP_TRIES = 500  # tries without an earlier result, a millisecond apart
COPIES = 3  # tries to copy a sound that is overwritten meanwhile
LONGEST_HOP = 2048  # samples, with an n_fft of 16384: the tape holds whole hops at any rate

# Kinds of events, from the control to the playing process.
START, RELEASE, PANIC = 1, 2, 3

# What a voice's latent vector comes from (the field `origin`).
POINT, LATENT, LATTICE, ORIGINAL = 0, 1, 2, 3

# State of a voice, reported by the playing process.
FREE, WAITING, SOUNDING, RELEASING = 0, 1, 2, 3

# Whether a sound has a waveform: none, one in `waves` for both sides, or also one in `sides`.
NO_WAVE, MONO, STEREO = 0, 1, 2

DEVICE, NULL = 1, 2  # kind of output, reported by the playing process


class Event(NamedTuple):
    """A message that must reach the playing process exactly once, in order."""

    kind: int
    voice: int = 0
    mode: int = 0
    request: int = 0
    level_db: float = 0.0
    serial: int = 0


@dataclass(frozen=True)
class BoardShape(SoundShape):
    """The dimensions that the pack gives with which the instrument is started. The tape keeps its
    rate and its hop, an eighth of n_fft."""

    sample_rate: int


def _fields(shape: BoardShape) -> list[tuple[str, type, tuple[int, ...]]]:
    f, i = np.float64, np.int64
    tape = LONGEST_HOP * math.ceil(TAPE_SECONDS * shape.sample_rate / LONGEST_HOP)
    hop = max((shape.bins - 1) // 4, 1)  # an eighth of n_fft
    return [
        # written by the control process
        ("version", i, (1,)),
        ("values", f, (VALUES,)),
        ("points", f, (VOICES, 2)),
        ("latents", f, (VOICES, LATENT_MAX)),
        ("origin", i, (VOICES,)),
        ("requests", i, (VOICES,)),
        ("starts", i, (VOICES,)),  # changes when a voice is given to another finger or note
        ("start_request", i, (VOICES,)),  # the request in the START event
        ("start_level", f, (VOICES,)),  # dB, by velocity
        ("held", i, (VOICES,)),
        ("levels", f, (VOICES,)),
        ("pans", f, (VOICES,)),
        ("pitches", f, (VOICES,)),
        ("pressures", f, (VOICES,)),  # dB after the attack, beside `levels`
        ("lattice_anchor", i, (LATTICE_SLOTS,)),
        ("lattice_weight", f, (LATTICE_SLOTS,)),
        ("events", f, (EVENTS, len(Event._fields))),
        ("event_head", i, (1,)),
        ("pack", i, (1,)),  # the number of the pack that is played, from 0 on
        ("recorders", i, (1,)),  # takes of gestures that are recorded now
        ("generations", i, (2,)),  # see engine.process_status
        # written by the decoding process
        ("decoder", f, (8,)),
        # written by the playing process
        ("event_tail", i, (1,)),
        ("voice_state", i, (VOICES,)),
        ("voice_serial", i, (VOICES,)),
        ("voice_loops", i, (VOICES,)),  # 1: it plays a loop, also after its release
        ("voice_fills", i, (VOICES,)),  # the `fills` whose frames it has copied
        ("voice_playhead", f, (VOICES,)),  # decoded frames, of the next hop
        ("player", f, (24,)),
        ("tape_head", i, (1,)),
        ("tape_version", i, (tape // hop,)),  # of the state that each hop was rendered from
        ("history", f, (HISTORY, 5 + LATENT_MAX + 2 * BLENDED)),  # see engine.history
        ("history_head", i, (1,)),
        ("tape", np.float32, (tape, 2)),
    ]


CURSORS = ("version", "event_head", "event_tail", "tape_head", "history_head")

# Indices in `decoder`.
(
    DECODER_BEAT, DECODER_READY, DECODES_SKIPPED, DECODE_US, DECODES_FAILED, FIRST_WINDOWS,
    COMPLETED,
) = range(7)  # fmt: skip

# Indices in `player`.
(
    PLAYER_BEAT, PLAYER_READY, OUTPUT, STARVED, LOAD, QUALITY, PEAK_LEFT, PEAK_RIGHT,
    REDUCTION_DB, DEVICE_RATE, DEVICE_BLOCK, RING_FRAMES, DEVICE_LATENCY, HOP_US, GUARDED,
    REALTIME, LATE, HOST_PERIOD, CONVERSION, LATE_WINDOWS,
) = range(20)  # fmt: skip


class Board:
    """Named arrays in shared memory: the fields of the board, and those of a `SoundMemory`.

    The control process makes it and passes it to spawned processes as an argument. It can be
    pickled only while a process is being spawned. Any thread may read; `_fields` says who may
    write.
    """

    version: AtomicCursors
    values: np.ndarray
    points: np.ndarray
    latents: np.ndarray
    origin: np.ndarray
    requests: np.ndarray
    starts: np.ndarray
    start_request: np.ndarray
    start_level: np.ndarray
    held: np.ndarray
    levels: np.ndarray
    pans: np.ndarray
    pitches: np.ndarray
    pressures: np.ndarray
    lattice_anchor: np.ndarray
    lattice_weight: np.ndarray
    events: np.ndarray
    event_head: AtomicCursors
    pack: np.ndarray
    recorders: np.ndarray
    generations: np.ndarray
    published: AtomicCursors
    fills: AtomicCursors
    sound_request: np.ndarray
    sound_gain: np.ndarray
    sound_level: np.ndarray
    sound_onset: np.ndarray
    sound_end: np.ndarray
    sound_latent: np.ndarray
    sound_grain: np.ndarray
    sound_original: np.ndarray
    sound_wave: np.ndarray
    decoder: np.ndarray
    event_tail: AtomicCursors
    voice_state: np.ndarray
    voice_serial: np.ndarray
    voice_loops: np.ndarray
    voice_fills: np.ndarray
    voice_playhead: np.ndarray
    player: np.ndarray
    tape_head: AtomicCursors
    tape_version: np.ndarray
    history: np.ndarray
    history_head: AtomicCursors
    sound_filled: np.ndarray
    frame_levels: np.ndarray
    sounds: np.ndarray
    waves: np.ndarray
    sides: np.ndarray
    tape: np.ndarray

    def __init__(
        self, shape: BoardShape, memory: Any = None, sound_memory: SoundMemory | None = None
    ) -> None:
        self.shape = shape
        fields, fresh = _fields(shape), memory is None
        if fresh:
            size = sum(field_bytes(kind, dims) for _, kind, dims in fields)
            memory = multiprocessing.get_context("spawn").RawArray("B", size)
        self._memory = memory
        vars(self).update(arrays(memory, fields, CURSORS))
        if fresh:
            self.values[:] = defaults()
            self.points[:] = 0.5
            self.lattice_anchor[:] = -1
        self.show(sound_memory or SoundMemory(shape))

    def __reduce__(self) -> tuple[Any, ...]:
        return Board, (self.shape, self._memory, self.sound_memory)

    def show(self, sound_memory: SoundMemory) -> None:
        """Show these sounds from now on."""
        self.sound_memory = sound_memory
        vars(self).update(sound_memory.fields)

    def showing(self, sound_memory: SoundMemory) -> Board:
        """The same board with other sounds."""
        return Board(self.shape, self._memory, sound_memory)

    @property
    def played_s(self) -> float:
        """Seconds of sound played so far. It stops while no sound is rendered: while the program is
        stopped, or while the playing process is replaced."""
        return self.tape_head[0] / self.shape.sample_rate

    @contextmanager
    def writing(self) -> Iterator[None]:
        """`consistent` readers see the control process's changes inside it all at once."""
        self.version[0] += 1
        fence()
        try:
            yield
        finally:
            self.version[0] += 1

    def consistent(self, read: Callable[[], T], previous: T | None = None, tries: int = TRIES) -> T:
        """The result of `read`, taken while no change was half-written.

        After `tries` attempts it returns `previous`, or without one a possibly torn result. There
        are pauses between changes, so a caller that asks again at each turn succeeds.
        """
        for k in range(tries):
            if k >= TRIES:
                sleep(0.001)
            before = self.version[0]
            result = read()
            fence()
            if before % 2 == 0 and before == self.version[0]:
                return result
        return result if previous is None else previous

    # -- events ------------------------------------------------------------------------------

    def send(self, event: Event) -> bool:
        """Control process only. False if the ring is full; then the outbox keeps the event."""
        head = self.event_head[0]
        if head - self.event_tail[0] >= EVENTS:
            return False
        self.events[head % EVENTS] = event
        self.event_head[0] = head + 1
        return True

    def received(self, until: int | None = None) -> Iterator[Event]:
        """Playing process only: the events since the last call, up to the `event_head` `until`."""
        head, tail = self.event_head[0] if until is None else until, self.event_tail[0]
        while tail < head:
            kind, voice, mode, request, level, serial = self.events[tail % EVENTS].tolist()
            tail += 1
            self.event_tail[0] = tail
            yield Event(int(kind), int(voice), int(mode), int(request), level, int(serial))

    # -- decoded sounds ----------------------------------------------------------------------

    def next_buffer(self, voice: int) -> int:
        """Decoding process only: the buffer to fill before `publish` is called."""
        fence()
        return (self.published[voice] + 1) % BUFFERS

    def publish(self, voice: int) -> None:
        """Decoding process only: make the filled buffer the newest sound."""
        self.published[voice] += 1

    def newest(self, voice: int, read: Callable[[int], T]) -> tuple[int, T] | None:
        """The number of the voice's newest sound, and the result of `read` for its buffer.

        `read` is called again if the sound was overwritten meanwhile. None if that happened each
        time: then the caller keeps what it has, and asks again at its next hop or turn.
        """
        for _ in range(COPIES):
            number = self.published[voice]
            result = read(number % BUFFERS)
            fence()
            if self.published[voice] - number < BUFFERS - 1:
                return number, result
        return None
