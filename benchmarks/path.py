"""From gesture to sound, stage by stage: where the latency that `latentpad measure` finds lies.

    python -m latentpad.benchmarks.path [PACK ...] > benchmarks/path.md

`latentpad play` runs on a JACK server, with `benchmarks.stamps` in its processes. What the server
gets is recorded, and the hop that took up a gesture is found there, sample by sample. Without PACK:
footsteps. The rate is 48 kHz; a hop of the pack must be `HOP` samples, as a block is.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentpad.benchmarks.detection import change, onset
from latentpad.benchmarks.jack_server import Ear, JackServer, jack_server
from latentpad.benchmarks.latency import AFTER_S, STEADY, distinct
from latentpad.benchmarks.latency import floor as least_program_latencies
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, free_port
from latentpad.benchmarks.stalls import STALL_S, watched
from latentpad.benchmarks.stamps import HOP, STAGES, TAKEN
from latentpad.engine.offline import OfflineRenderer
from latentpad.engine.output_settings import LIMITER_DELAY_S
from latentpad.engine.play.buffering import REALTIME_LEAD_S
from latentpad.models.packs.pack import find, load
from latentpad.models.progress import LogCallback
from latentpad.presets.bank import PresetBank

STAMPING = "latentpad.benchmarks.stamps"
GESTURES = 100
JUMP, SHOT, NEW = "A jump in a loop", "A shot where the point rests", "A shot at a new point"
SHOTS = (
    ("/loop/freeze", (0,)), ("/mode", ("shot",)), ("/loop/speed", (1.0,)), ("/shot/rest", (0.0,)),
    ("/attack", (0.0,)),
)  # fmt: skip
NOTE = ("/note", (60, 110))
SHOT_HOPS = 80  # that are rendered offline of a shot, and after it
NAMES = (
    "packet to change on the board: control process",
    "to the decoding process, which wakes",
    "smoothing and expander",
    "decoding what is heard first, publishing",
    "wait for the next hop",
    "rendering of the rest of the hop",
    "writing to the ring",
    "wait until the host takes it",
    "within the hop: limiter, onset of the sound",
)
WAIT = 4  # the one that the least possible program has, too

Point = tuple[float, float]


@dataclass(frozen=True)
class Gesture:
    """A packet that was sent."""

    at: float  # s, `time.monotonic`
    frame: int  # of the recording
    point: Point


@dataclass(frozen=True)
class Recording:
    """The gestures of one kind, and what was heard of them."""

    kind: str
    heard: NDArray[np.float32]
    gestures: list[Gesture]


def play(kind: str, count: int, instrument: PlayProcess, server: JackServer) -> Recording:
    """Play `count` gestures at random phases of the server's period."""
    dice, ear = random.Random(1), server.ear(30 + 0.4 * count)
    ear.listen()
    instrument.send(*STEADY, *(SHOTS if kind != JUMP else ()))
    points = distinct(instrument, ear, dice) if kind == JUMP else [(0.5, 0.5)]
    instrument.send(("/pad/xy", points[0]))
    time.sleep(0.4)
    sent = []
    for k in range(count):
        if kind == JUMP:
            time.sleep(dice.uniform(0.29, 0.34))  # `change` wants a steady sound before
            point = points[(k + 1) % len(points)]
            sent.append(_send(instrument, ear, point, ("/pad/xy", point)))
            continue
        instrument.send(("/panic", ()))
        time.sleep(dice.uniform(0.14, 0.2))
        point = (dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95)) if kind == NEW else points[0]
        move = (("/pad/xy", point),) if kind == NEW else ()
        sent.append(_send(instrument, ear, point, *move, NOTE))
        time.sleep(0.1)
    time.sleep(0.3)
    heard = ear.heard.copy()
    ear.close()
    instrument.send(("/pad/1/touch", (0,)), ("/panic", ()))
    return Recording(kind, heard, sent)


def _send(
    instrument: PlayProcess, ear: Ear, point: Point, *messages: tuple[str, tuple[object, ...]]
) -> Gesture:
    gesture = Gesture(time.monotonic(), ear.now, point)
    instrument.send(*messages)
    return gesture


def stages(
    recording: Recording, rate: int, times: NDArray[np.float64], hops: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(n, NAMES) ms: the stages of the n gestures that were found in the recording.

    `times` and `hops` are those of `Stamps`.
    """
    rows = []
    detect = change if recording.kind == JUMP else onset
    for gesture in recording.gestures:
        marks, k = [gesture.at], 0
        for stage in range(STAGES):
            if stage <= TAKEN:  # from here on it is the same hop
                k = int(np.argmax(times[stage] > marks[-1]))  # 0, which is too early, if none is
            marks.append(times[stage, k])
        found = detect(recording.heard, gesture.frame, rate, AFTER_S).first
        first = None if found is None else found - gesture.frame
        heard = recording.heard[gesture.frame :][: int(AFTER_S * rate)]
        begin = _find(hops[k], heard)
        if first is not None and begin is not None and begin <= first:  # else a false alarm
            frames = [(at - gesture.at) * rate for at in marks]
            rows.append(np.diff([*frames, begin, first]))
    return 1000 / rate * np.array(rows).reshape((-1, len(NAMES)))


def _find(hop: NDArray[np.float32], heard: NDArray[np.float32]) -> int | None:
    """The frame of `heard` at which the hop begins. None if it is silent, or not there."""
    pieces = np.lib.stride_tricks.sliding_window_view(heard, len(hop))
    found = np.flatnonzero((pieces == hop).all(axis=1))
    return int(found[0]) if hop.any() and len(found) else None


def least(recording: Recording, pack: str, rate: int) -> list[float]:
    """Median ms of each stage if computing took no time and every process woke at once."""
    onsets = [1000 * LIMITER_DELAY_S]
    if recording.kind != JUMP:
        onsets = list(offline_onsets(pack, [gesture.point for gesture in recording.gestures]))
    lead = 1000 * REALTIME_LEAD_S
    return [0, 0, 0, 0, 500 * HOP / rate, 0, 0, lead, float(np.median(onsets))]


def offline_onsets(pack: str, points: Iterable[Point]) -> Iterator[float]:
    """ms from the beginning of the first hop of each shot to its first audible sample, as an
    infinitely fast machine plays it."""
    renderer = OfflineRenderer(load(find(pack)))
    renderer.instrument.apply_all([*PresetBank().load("walk").commands(), *STEADY, *SHOTS])
    for point in points:
        renderer.instrument.apply_all([("/pad/xy", point), NOTE])
        heard = np.concatenate([renderer.hop()[:, 0] for _ in range(SHOT_HOPS)])
        first = onset(heard, 0, renderer.rate, 1.0).first
        yield np.nan if first is None else 1000 * first / renderer.rate
        renderer.instrument.apply("/panic", ())
        for _ in range(SHOT_HOPS):
            renderer.hop()


def measure(
    server: JackServer, pack: str, count: int, say: LogCallback
) -> tuple[list[tuple[Recording, NDArray[np.float64]]], int]:
    """Recordings and `stages` of `count` gestures of each kind, and the starved reads of the
    ring meanwhile."""
    options = ("--controller", STAMPING)
    instrument = PlayProcess(server, free_port(), server.block, None, say, pack, options)
    try:
        before = instrument.meters()
        recordings = [play(kind, count, instrument, server) for kind in (JUMP, SHOT, NEW)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stamps.npz"
            instrument.send(("/bench/stamps", (str(path),)))
            after = instrument.meters()  # they come after the file is written
            with np.load(path) as stamps:
                times, hops = stamps["times"], stamps["hops"]
    finally:
        instrument.close()
    starved = int(after["/meter/faults"][0]) - int(before["/meter/faults"][0])
    return [(each, stages(each, server.rate, times, hops)) for each in recordings], starved


def table(
    recording: Recording, measured: NDArray[np.float64], least: list[float], floor: float
) -> Iterator[str]:
    """The lines about one kind of gesture; `floor` is the median of the least program, ms."""
    (middle, late), sums = np.percentile(measured, (50, 95), axis=0), measured.sum(axis=1)
    whole, whole_late = np.percentile(sums, (50, 95))
    yield f"### {recording.kind}\n"
    yield f"{len(measured)} of {len(recording.gestures)} were found.\n"
    yield "| ms | p50 | p95 | least |"
    yield "| --- | --- | --- | --- |"
    for name, *values in zip(NAMES, middle, late, least, strict=True):
        yield f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |"
    yield f"| sum of this column | {middle.sum():.2f} | | {sum(least):.2f} |"
    yield f"| from the packet to the first changed sample | {whole:.2f} | {whole_late:.2f} | |"
    yield f"| above the floor | {whole - floor:+.2f} | | {sum(least) - least[WAIT]:+.2f} |\n"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    print(
        f"# From gesture to sound, stage by stage, {time.strftime('%Y-%m-%d')}\n\n"
        f"`python -m latentpad.benchmarks.path` on {machine()}, with a load average of "
        f"{os.getloadavg()[0]:.1f} before; JACK (dummy driver), blocks of {HOP}.\n"
    )
    for pack in sys.argv[1:] or ["footsteps"]:
        stalls: list[float] = []
        with jack_server("path", HOP) as server, watched(stalls):
            program = least_program_latencies(server, GESTURES, random.Random(1), _tell)
            measured, starved = measure(server, pack, GESTURES, _tell)
        floor = float(np.median(program.first))
        print(
            f"## {load(find(pack)).title}\n\nThe least possible program (`benchmarks/floor.py`): "
            f"p50 {floor:.2f}, p95 {np.percentile(program.first, 95):.2f}. Stalls of the machine "
            f"of over {1000 * STALL_S:.0f} ms: {len(stalls)}, the longest "
            f"{1000 * max(stalls, default=0):.1f} ms. Starved reads of the ring: {starved}.\n"
        )
        for recording, rows in measured:
            for line in table(recording, rows, least(recording, pack, server.rate), floor):
                print(line, flush=True)


if __name__ == "__main__":
    main()
