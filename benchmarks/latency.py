"""Latency from gesture to sound on this machine: with real packets and a real server's samples.

The instrument runs as for a performer, in its own processes. Gestures are UDP packets at random
phase. What JACK receives is recorded frame by frame on the server's clock, and analysed afterwards,
so that the analysis does not disturb the sound. The least possible program (`benchmarks.floor`) is
measured in the same run: the difference is what the instrument adds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentpad.benchmarks.card import Card, CardEar
from latentpad.benchmarks.detection import alarmed, bands, change, clicks, holes, onset
from latentpad.benchmarks.jack_server import Ear, jack_server
from latentpad.benchmarks.latencies import Latencies
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, Server, free_port, least_program
from latentpad.benchmarks.soak import soak as soaked
from latentpad.benchmarks.stalls import STALL_S, watched
from latentpad.engine.play.devices import DeviceError
from latentpad.models.progress import LoopProgress

AFTER_S = 0.11
ALIKE_DB = 10.0  # a jump is to a sound about as loud: one far softer than the error with which
# the sound before is predicted is found late, when it is found
STEADY = (
    ("/mode", ("loop",)), ("/morph", (0.0,)), ("/smooth", (0.0,)), ("/loop/start", (0.12,)),
    ("/loop/freeze", (1,)), ("/gain", (-6.0,)), ("/level", (0.0,)), ("/texture", (0.0,)),
    ("/texture/learned", (0.0,)),
    ("/phase", ("rtpghi",)), ("/lookahead", (1,)), ("/plane", ("map",)), ("/expander", ("dwell",)),
)  # fmt: skip


@dataclass(frozen=True)
class Gestures:
    """What an instrument did with its gestures."""

    jump: Latencies
    rest: Latencies  # shots where the point rests
    moved: Latencies  # shots at new points
    steps: int  # in the steady sound
    false: float  # share of false alarms of the detector
    starved: int  # reads of the ring
    stalls: list[float]  # of the machine, s
    meters: dict[str, tuple[Any, ...]]


def measure(
    *,
    gestures: int,
    soak: float,
    block: int,
    ring: float | None,
    say: Callable[[str], None],
    output: str | None = None,
    input: str | None = None,
    pack: str | None = None,
) -> str:
    """Measure everything; returns the report as Markdown.

    Without `output` and `input` on a new JACK server; with both on these devices, which a cable
    connects. Raises `JackError`, `DeviceError`.
    """
    if (output is None) != (input is None):
        raise DeviceError(
            "--device and --input belong together: a cable leads from one to the other"
        )
    if output is not None and input is not None:
        return _measured(Card(output, input, block), gestures, soak, ring, say, pack)
    with jack_server("latentpad", block) as server:
        return _measured(server, gestures, soak, ring, say, pack)


def _measured(
    server: Server,
    gestures: int,
    soak: float,
    ring: float | None,
    say: Callable[[str], None],
    pack: str | None,
) -> str:
    dice, block = random.Random(1), server.block
    say("the least possible program ...")
    least = floor(server, gestures, dice, say)
    say("the instrument ...")
    instrument = PlayProcess(server, free_port(), block, ring, say, pack)
    try:
        done = play(server, instrument, gestures, dice, say)
        say(f"eight voices for {soak:.0f} s, beside the least possible program ...")
        pace = LoopProgress(say, "eight voices")
        lasting = soaked(server, instrument, soak, block, dice, pace) if soak else []
    finally:
        instrument.close()
    table = [
        f"# Gesture to sound, {time.strftime('%Y-%m-%d')}",
        "",
        f"`latentpad measure --gestures {gestures} --soak {soak:.0f} --block {block}"
        f"{'' if ring is None else f' --ring {ring}'}"
        f"{'' if pack is None else f' --pack {pack}'}` on {machine()}; {server.about}. "
        "Milliseconds from the UDP send to the change in what was heard.",
        "",
        "| | found | p50 | p95 | p99 | max | std |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(row for each in (least, done.jump, done.rest, done.moved) for row in each.rows()),
        "",
        "| above the floor (first change) | p50 | p95 |",
        "| --- | --- | --- |",
        *(each.above(least) for each in (done.jump, done.rest, done.moved)),
        "",
        f"False alarms of the detector on steady sound: {100 * done.false:.1f} %. Steps in the "
        f"steady sound: {done.steps}.",
        f"Starved ring reads during these gestures: {done.starved}; ring "
        f"{done.meters['/meter/engine'][0]:.1f} blocks; decode "
        f"{done.meters['/meter/engine'][3] / 1000:.1f} ms.",
        f"Stalls of the machine: {len(done.stalls)}, the longest "
        f"{1000 * max(done.stalls, default=0):.1f} ms (a thread that only sleeps, with real-time "
        f"priority, woke over {1000 * STALL_S:.0f} ms late).",
        "",
        *lasting,
    ]
    return "\n".join(table) + "\n"


def play(
    server: Server,
    instrument: PlayProcess,
    gestures: int,
    dice: random.Random,
    say: Callable[[str], None],
) -> Gestures:
    """Jumps, shots at rest and shots at new points, `gestures` of each."""
    say(f"ready after {instrument.ready_s:.1f} s; jumps in loop mode ...")
    before = instrument.meters()
    stalls: list[float] = []
    with watched(stalls):
        jump, steps, false = _jumps(server, instrument, gestures, dice, LoopProgress(say, "jumps"))
        say("shots ...")
        pace = LoopProgress(say, "shots")
        rest = _shots(server, instrument, gestures, dice, pace, moving=False)
        say("shots at new points ...")
        moved = _shots(server, instrument, gestures, dice, pace, moving=True)
    after = instrument.meters()
    starved = int(after["/meter/faults"][0] - before["/meter/faults"][0])
    return Gestures(jump, rest, moved, steps, false, starved, stalls, after)


def floor(
    server: Server, gestures: int, dice: random.Random, say: Callable[[str], None]
) -> Latencies:
    """Latency of the least possible program."""
    result, pace = Latencies("floor"), LoopProgress(say, "the least possible program")
    with least_program(server, server.block) as send:
        ear = server.ear(30 + 0.32 * gestures)
        ear.listen()
        send(0.1)
        time.sleep(0.3)
        sent = []
        for k in range(gestures):
            time.sleep(dice.uniform(0.26, 0.3))
            pace(k, gestures)
            sent.append(ear.now)
            send(0.3 if k % 2 == 0 else 0.1)
        time.sleep(0.3)
        heard = ear.heard.copy()
        ear.close()
    for frame in sent:
        result.add(frame, change(heard, frame, server.rate, 0.08), server.rate)
    return result


def _jumps(
    server: Server, instrument: PlayProcess, gestures: int, dice: random.Random, pace: LoopProgress
) -> tuple[Latencies, int, float]:
    """A jump of the point under a frozen, steady sound."""
    ear = server.ear(60 + 0.36 * gestures)
    ear.listen()
    instrument.send(*STEADY)
    points = distinct(instrument, ear, dice)
    sent, last = [], points[0]
    instrument.send(("/pad/xy", last))
    time.sleep(0.4)
    first = ear.now
    for k in range(gestures):
        last = dice.choice([p for p in points if p != last])
        time.sleep(dice.uniform(0.29, 0.34))
        pace(k, gestures)
        sent.append(ear.now)
        instrument.send(("/pad/xy", last))
    time.sleep(0.3)
    heard = ear.heard.copy()
    ear.close()
    instrument.send(("/pad/1/touch", (0,)))
    result = Latencies("jump in loop mode")
    for frame in sent:
        result.add(frame, change(heard, frame, server.rate, AFTER_S), server.rate)
    alarms = [alarmed(heard, frame, server.rate) for frame in sent]
    span = int(0.1 * server.rate)
    steady = [
        heard[frame - span : frame]
        for frame in sent[1:]
        if not any(low < frame and frame - span < high for low, high in ear.missed)
    ]
    missed = [(low - first, high - first) for low, high in ear.missed]
    steps = sum(clicks(piece, server.rate) for piece in steady) + holes(
        heard[first : sent[-1]], missed
    )
    return result, steps, sum(alarms) / len(alarms)


def distinct(
    instrument: PlayProcess,
    ear: Ear | CardEar,
    dice: random.Random,
    tries: int = 40,
    count: int = 6,
) -> list[tuple[float, float]]:
    """Points whose frozen sounds are steady, about as loud as the loudest, and far from one
    another."""
    candidates: list[tuple[float, tuple[float, float], NDArray[np.float64]]] = []
    for _ in range(tries):
        point = (dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95))
        instrument.send(("/pad/xy", point))
        time.sleep(0.3)
        level = 10 * np.log10(bands(ear.heard[-int(0.12 * ear.rate) :], ear.rate) + 1e-12)
        candidates.append((float(np.median(level.std(axis=0))), point, level.mean(axis=0)))
    highest = [float(level.max()) for _, _, level in candidates]
    loud = min(max(highest) - ALIKE_DB, sorted(highest)[-count])
    candidates = [c for c, level in zip(candidates, highest, strict=True) if level >= loud]
    candidates.sort(key=lambda each: each[0])
    best = [candidates[0]]
    while len(best) < count:
        distances = [
            (min(float(np.abs(level - b).max()) for _, _, b in best) - 3 * spread, k)
            for k, (spread, _, level) in enumerate(candidates)
        ]
        best.append(candidates[max(distances)[1]])
    return [point for _, point, _ in best]


def _shots(
    server: Server,
    instrument: PlayProcess,
    gestures: int,
    dice: random.Random,
    pace: LoopProgress,
    *,
    moving: bool,
) -> Latencies:
    """Notes out of silence: at a point that rests, or at a new point each time."""
    ear = server.ear(30 + 0.35 * gestures)
    ear.listen()
    instrument.send(("/loop/freeze", (0,)), ("/mode", ("shot",)), ("/loop/speed", (1.0,)))
    instrument.send(("/shot/rest", (0.0,)))  # notes alone start shots, not the moves before them
    instrument.send(("/pad/xy", (0.5, 0.5)))
    time.sleep(0.3)
    sent = []
    for k in range(gestures):
        instrument.send(("/panic", ()))
        time.sleep(dice.uniform(0.14, 0.2))
        pace(k, gestures)
        note = ("/note", (60, 110))
        sent.append(ear.now)
        if moving:
            point = (dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95))
            instrument.send(("/pad/xy", point), note)
        else:
            instrument.send(note)
        time.sleep(0.1)
    heard = ear.heard.copy()
    ear.close()
    instrument.send(("/panic", ()))
    result = Latencies("shot at a new point" if moving else "shot where the point rests")
    for frame in sent:
        result.add(frame, onset(heard, frame, server.rate, 0.1), server.rate)
    return result
