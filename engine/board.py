"""The board: the memory that the instrument's three processes share.

The control process writes what the performer wants (values, points, events), the decoding
process writes decoded sounds, the playing process what is heard (meters, tape). Each field has one
writer. That holds for whether a process is ready, too: no other takes it back, but what it has
written there loses its meaning when the next one is started (engine/process_status.py). The board
outlives the processes that read it: a new one finds the whole state in place.

Nobody who plays waits here. A value is replaced by a newer one (newest wins); readers of several
that belong together use `Board.consistent`. Events, which must not be lost, pass through a ring. A
decoded sound is written to the next of three buffers and then published; `Board.newest` copies it
whole. Which cursor publishes which field: `engine.atomic`.
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
from latentpad.engine.parameters import LATENT_MAX, VALUES, VOICES, defaults

T = TypeVar("T")

EVENTS = 1024
FADERS = 64
BUFFERS = 3
TAPE_SECONDS = 4
HISTORY = 2048
TRIES = 8  # of a reading during which something was written
PATIENT = 500  # tries of who begins and has no reading before, a millisecond between two
COPIES = 3  # of a sound that was written over meanwhile
LONGEST_HOP = 2048  # of n_fft 16384: the tape holds whole hops, whatever the rate

# Kinds of event, control to playing process.
START, RELEASE, PANIC = 1, 2, 3

# Where a voice's point comes from.
POINT, LATENT, LATTICE, ORIGINAL = 0, 1, 2, 3

# What a voice is doing, as the playing process reports it.
FREE, WAITING, SOUNDING, RELEASING = 0, 1, 2, 3

# Whether a whole sound is there: in `waves`, for both sides alike, or with `sides` beside.
NO_WAVE, MONO, STEREO = 0, 1, 2

# What the output is, as the playing process reports it.
DEVICE, NULL = 1, 2


class Event(NamedTuple):
    """What must reach the playing process exactly once, in order."""

    kind: int
    voice: int = 0
    mode: int = 0
    request: int = 0
    level_db: float = 0.0
    serial: int = 0


@dataclass(frozen=True)
class BoardShape:
    """What of the board's size depends on the model pack."""

    frames: int
    bins: int
    samples: int  # in one decoded sound
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
        ("start_request", i, (VOICES,)),  # and the rest of what that START said
        ("start_level", f, (VOICES,)),  # dB by the velocity it was struck with
        ("held", i, (VOICES,)),
        ("levels", f, (VOICES,)),
        ("pans", f, (VOICES,)),
        ("pitches", f, (VOICES,)),
        ("fader_anchor", i, (FADERS,)),
        ("fader_value", f, (FADERS,)),
        ("events", f, (EVENTS, len(Event._fields))),
        ("event_head", i, (1,)),
        (
            "generations",
            i,
            (2,),
        ),  # of the playing and the decoding process, see engine.process_status
        # written by the decoding process
        ("published", i, (VOICES,)),
        ("sound_request", i, (VOICES, BUFFERS)),
        ("sound_gain", f, (VOICES, BUFFERS)),  # dB that evens the level
        ("sound_level", f, (VOICES, BUFFERS)),  # dB of the recordings' own level there
        ("sound_onset", f, (VOICES, BUFFERS)),  # frames
        ("sound_end", f, (VOICES, BUFFERS)),  # frames
        ("sound_latent", f, (VOICES, BUFFERS, LATENT_MAX)),
        ("sound_original", i, (VOICES, BUFFERS)),  # the anchor whose own recording it is, or -1
        ("sound_wave", i, (VOICES, BUFFERS)),  # MONO or STEREO: the whole sound is there too
        ("decoder", f, (8,)),
        # written by the playing process
        ("event_tail", i, (1,)),
        ("voice_state", i, (VOICES,)),
        ("voice_serial", i, (VOICES,)),
        ("player", f, (24,)),
        ("tape_head", i, (1,)),
        ("tape_version", i, (tape // hop,)),  # of the state that each hop was made from
        ("history", f, (HISTORY, 5 + LATENT_MAX)),  # see engine.history
        ("history_head", i, (1,)),
        # the large ones last
        ("sounds", np.float32, (VOICES, BUFFERS, shape.frames, shape.bins)),
        ("waves", np.float32, (VOICES, BUFFERS, shape.samples)),  # half of left and right
        ("sides", np.float32, (VOICES, BUFFERS, shape.samples)),  # half of left without right
        ("tape", np.float32, (tape, 2)),
    ]


CURSORS = ("version", "event_head", "event_tail", "published", "tape_head", "history_head")

# Places in `decoder`.
DECODER_BEAT, DECODER_READY, DECODES_SKIPPED, DECODE_US, DECODES_FAILED = range(5)

# Places in `player`.
(
    PLAYER_BEAT, PLAYER_READY, OUTPUT, STARVED, LOAD, QUALITY, PEAK_LEFT, PEAK_RIGHT,
    REDUCTION_DB, DEVICE_RATE, DEVICE_BLOCK, RING_FRAMES, DEVICE_LATENCY, HOP_US, GUARDED,
    REALTIME, LATE, HOST_PERIOD, CONVERSION,
) = range(19)  # fmt: skip


class Board:
    """Named arrays in one block of shared memory.

    Made by the control process; passed to spawned processes as an argument (it pickles only while
    a process is being spawned). Any thread may read; each field's one writer: `_fields`.
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
    fader_anchor: np.ndarray
    fader_value: np.ndarray
    events: np.ndarray
    event_head: AtomicCursors
    generations: np.ndarray
    published: AtomicCursors
    sound_request: np.ndarray
    sound_gain: np.ndarray
    sound_level: np.ndarray
    sound_onset: np.ndarray
    sound_end: np.ndarray
    sound_latent: np.ndarray
    sound_original: np.ndarray
    sound_wave: np.ndarray
    decoder: np.ndarray
    event_tail: AtomicCursors
    voice_state: np.ndarray
    voice_serial: np.ndarray
    player: np.ndarray
    tape_head: AtomicCursors
    tape_version: np.ndarray
    history: np.ndarray
    history_head: AtomicCursors
    sounds: np.ndarray
    waves: np.ndarray
    sides: np.ndarray
    tape: np.ndarray

    def __init__(self, shape: BoardShape, memory: Any = None) -> None:
        self.shape = shape
        fields = _fields(shape)
        fresh = memory is None
        if fresh:
            size = sum(_room(kind, dims) for _, kind, dims in fields)
            memory = multiprocessing.get_context("spawn").RawArray("B", size)
        self._memory = memory
        position = 0
        for name, kind, dims in fields:
            array: np.ndarray = np.frombuffer(memory, kind, int(np.prod(dims)), position)
            array = array.reshape(dims)
            setattr(self, name, AtomicCursors(array) if name in CURSORS else array)
            position += _room(kind, dims)
        if fresh:
            self.values[:] = defaults()
            self.points[:] = 0.5
            self.fader_anchor[:] = -1

    def __reduce__(self) -> tuple[Any, ...]:
        return Board, (self.shape, self._memory)

    @property
    def played_s(self) -> float:
        """Seconds of sound that were played so far. Unlike a clock it stands still where the sound
        does: in a pause of the program, or while the playing process is replaced."""
        return self.tape_head[0] / self.shape.sample_rate

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The control process's changes inside are seen all at once by `consistent` readers."""
        self.version[0] += 1
        fence()
        try:
            yield
        finally:
            self.version[0] += 1

    def consistent(self, read: Callable[[], T], kept: T | None = None, tries: int = TRIES) -> T:
        """What `read` returns, taken while no change was half-written; after that many tries
        `kept`, the reading before, or without one a torn reading. Who asks again at each turn gets
        in: there are pauses between changes."""
        for k in range(tries):
            if k >= TRIES:
                sleep(0.001)
            before = self.version[0]
            result = read()
            fence()
            if before % 2 == 0 and before == self.version[0]:
                return result
        return result if kept is None else kept

    # -- events ------------------------------------------------------------------------------

    def send(self, event: Event) -> bool:
        """Control process only. False when the ring is full: the outbox keeps it then."""
        head = self.event_head[0]
        if head - self.event_tail[0] >= EVENTS:
            return False
        self.events[head % EVENTS] = event
        self.event_head[0] = head + 1
        return True

    def received(self, until: int | None = None) -> Iterator[Event]:
        """Playing process only: what came since the last call, until `event_head` was `until`."""
        head, tail = self.event_head[0] if until is None else until, self.event_tail[0]
        while tail < head:
            kind, voice, mode, request, level, serial = self.events[tail % EVENTS].tolist()
            tail += 1
            self.event_tail[0] = tail
            yield Event(int(kind), int(voice), int(mode), int(request), level, int(serial))

    # -- decoded sounds ----------------------------------------------------------------------

    def next_buffer(self, voice: int) -> int:
        """Decoding process only: the buffer to fill from now on, before `publish`."""
        fence()
        return (self.published[voice] + 1) % BUFFERS

    def publish(self, voice: int) -> None:
        """Decoding process only: what was filled after `next_buffer` is the newest sound now."""
        self.published[voice] += 1

    def newest(self, voice: int, read: Callable[[int], T]) -> tuple[int, T] | None:
        """The number of the voice's newest sound and what `read` returns of its buffer, whole.

        `read` is called again if the sound was written over meanwhile; None if it was each time.
        Then the reader keeps what it has, and asks again at its next hop or turn.
        """
        for _ in range(COPIES):
            number = self.published[voice]
            result = read(number % BUFFERS)
            fence()
            if self.published[voice] - number < BUFFERS - 1:
                return number, result
        return None


def _room(kind: type, dims: tuple[int, ...]) -> int:
    """Bytes of a field, in whole cache lines."""
    return (int(np.prod(dims)) * np.dtype(kind).itemsize + 63) // 64 * 64
