"""What a short window costs in sound and computing, and how much sooner it is heard.

    python -m latentpad.benchmarks.low_latency [GESTURES] > benchmarks/low_latency.md

GESTURES (default 60) of each kind are measured for each window and block, on JACK servers.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentpad.benchmarks import latency
from latentpad.benchmarks.jack_server import jack_server
from latentpad.benchmarks.latencies import Latencies
from latentpad.benchmarks.latency import Gestures
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, free_port
from latentpad.benchmarks.short_windows import (
    LOOKAHEADS,
    USUAL,
    WINDOWS,
    Quality,
    cost_table,
    quality,
    sound_table,
)
from latentpad.engine.offline import OfflineRenderer
from latentpad.models.packs.pack import load
from latentpad.models.progress import LogCallback
from latentpad.models.representation import Floats
from latentpad.models.training.config import representation

BLOCKS = (128, 64, 32)
LIMITS_MS = (5, 3)


class Measured(NamedTuple):
    """The latencies with one block."""

    block: int
    least: Latencies  # of the least possible program
    done: dict[int, Gestures]  # of the instrument, by n_fft


def made_packs(folder: Path) -> dict[int, Path]:
    """An untrained pack of each window, made by other processes: TensorFlow has threads."""
    packs = {n_fft: folder / f"untrained-{n_fft}" for n_fft in WINDOWS}
    for n_fft, path in packs.items():
        subprocess.run(
            [sys.executable, "-m", "latentpad.benchmarks.wide_pack", str(path), str(n_fft)],
            check=True, capture_output=True,
        )  # fmt: skip
    return packs


def latencies(packs: dict[int, Path], gestures: int, say: LogCallback) -> Iterator[Measured]:
    """The latencies with each block."""
    for block in BLOCKS:
        with jack_server("latentpad-low-latency", block) as server:
            say(f"blocks of {block}: the least possible program ...")
            least = latency.floor(server, gestures, random.Random(1), say)
            done = {}
            for n_fft, path in packs.items():
                say(f"n_fft {n_fft} ...")
                instrument = PlayProcess(server, free_port(), block, None, say, str(path))
                try:
                    done[n_fft] = latency.play(server, instrument, gestures, random.Random(1), say)
                finally:
                    instrument.close()
            yield Measured(block, least, done)


def undelayed(pack: Path) -> Iterator[str]:
    """Of each look-ahead: when a shot and a jump are heard on an infinitely fast machine."""
    for lookahead in LOOKAHEADS:
        begin = ("/lookahead", lookahead), ("/morph", 0.0), ("/smooth", 0.0)
        shots = ("/mode", "shot"), ("/shot/rest", 0.0)  # notes alone start them
        shot = rendered(pack, (*begin, *shots, ("/pad/xy", 0.3, 0.6)), ("/note", 60, 110))
        loop = (*begin, ("/pad/xy", 0.3, 0.6), ("/pad/1/touch", 1))
        change = rendered(pack, loop, ("/pad/xy", 0.8, 0.2)) - rendered(pack, loop)
        rate = representation(WINDOWS[0]).sample_rate
        ms = (1000 * int(np.flatnonzero(each)[0]) / rate for each in (shot, change))
        yield f"| {lookahead} | {' | '.join(f'{each:.2f}' for each in ms)} |"


def rendered(
    pack: Path, setting: Sequence[tuple[Any, ...]], gesture: tuple[Any, ...] | None = None
) -> Floats:
    """(samples,) from the hop of a gesture on, after a third of a second of what is held."""
    renderer = OfflineRenderer(load(pack))
    for address, *args in setting:
        renderer.instrument.apply(address, args)
    renderer.voices.settle()
    while renderer.seconds < 1 / 3:
        renderer.hop()
    if gesture is not None:
        renderer.instrument.apply(gesture[0], gesture[1:])
    return np.concatenate([renderer.hop()[:, 0] for _ in range(24)])


def cell(each: Latencies) -> str:
    """p50, p95 in ms."""
    return ", ".join(f"{ms:.1f}" for ms in np.percentile(each.first or [np.nan], (50, 95)))


def above(each: Latencies, least: Latencies) -> float:
    """The median in ms above that of the least possible program."""
    return float(np.median(each.first or [np.nan]) - np.median(least.first or [np.nan]))


def latency_table(measured: list[Measured]) -> Iterator[str]:
    yield (
        "| block | n_fft | floor | shot at rest | above the floor | shot at a new point | jump "
        "| half the energy of a jump | ready for the host | starved reads |"
    )
    yield "| --- |" + " --- |" * 9
    for block, least, done in measured:
        for n_fft, each in done.items():
            half = Latencies("half", each.jump.half)
            ready = 1000 * each.meters["/meter/engine"][0] * block / 48_000
            yield (
                f"| {block} | {n_fft} | {cell(least)} | {cell(each.rest)} "
                f"| +{above(each.rest, least):.1f} | {cell(each.moved)} | {cell(each.jump)} "
                f"| {cell(half)} | {ready:.1f} | {each.starved} |"
            )


def verdict(judged: dict[tuple[int, int], Quality], measured: list[Measured]) -> Iterator[str]:
    """For each limit: the longest window, then the longest block, that keeps it."""
    usual = judged[WINDOWS[0], USUAL].long
    for limit in LIMITS_MS:
        kept = [
            (n_fft, block, above(done[n_fft].rest, least))
            for n_fft in WINDOWS
            for block, least, done in measured
            if above(done[n_fft].rest, least) <= limit
        ]
        if not kept:
            yield f"No setting starts half of the shots within {limit} ms above the floor."
            continue
        n_fft, block, ms = kept[0]
        lost = ", ".join(
            f"{name} {db - usual[name]:+.1f}" for name, db in judged[n_fft, USUAL].long.items()
        )
        what = "no sound" if n_fft == WINDOWS[0] else f"in dB of spectral convergence: {lost}"
        yield (
            f"A shot starts within {limit} ms above the floor (p50, +{ms:.1f} ms) with n_fft "
            f"{n_fft} and blocks of {block}; this costs {what}."
        )


def report(
    gestures: int,
    judged: dict[tuple[int, int], Quality],
    costs: list[str],
    measured: list[Measured],
    undelayed: list[str],
) -> str:
    """The page."""
    lines = [
        "# Less latency",
        "",
        *verdict(judged, measured),
        "",
        f"`python -m latentpad.benchmarks.low_latency {gestures}` on {machine()}.",
        "",
        "## Gesture to sound",
        "",
        "Milliseconds from the UDP send to the first change in the sound, p50 and p95 of "
        f"{gestures} gestures of each kind, on a JACK server (dummy driver, 48 kHz), with "
        "untrained packs of the decoder that `latentpad train` makes. The floor is the least "
        "possible program; a shot at rest is also given as its p50 above that of the floor. What "
        "lies ready for the host is the buffer after the gestures. After a starved read or a stall "
        "of the machine more is kept ready for a while: compare rows with few of them.",
        "",
        *latency_table(measured),
        "",
        "## Look-ahead",
        "",
        "Look-ahead costs no latency: the playhead's next frames are known. Milliseconds from the "
        "beginning of the hop that takes up a gesture to the first sample that changes, n_fft "
        f"{WINDOWS[0]}, without a clock (`latentpad render`). Half a millisecond is the limiter's.",
        "",
        "| look-ahead | shot | jump |",
        "| --- | --- | --- |",
        *undelayed,
        "",
        "## Cost",
        "",
        *costs,
        "",
        "## Sound",
        "",
        "Spectral convergence in dB (lower is better) of true magnitudes that one voice plays with "
        "two RTISI iterations. 82 Hz and 41 Hz are plucked strings.",
        "",
        "Judged by the same window, without interpolation, as in [phase.md](phase.md):",
        "",
        *sound_table(judged, "own"),
        "",
        "Judged against the recording by a window of 4,096, with frames every quarter of a window "
        "as a pack decodes them. So this is what the window, the decoded hop and the phase cost "
        "together:",
        "",
        *sound_table(judged, "long"),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    gestures = int(arguments[0]) if arguments else 60

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    quality(WINDOWS[0], 0)  # compiles
    judged = {(n, ahead): quality(n, ahead) for n in WINDOWS for ahead in LOOKAHEADS}
    costs = list(cost_table(judged))
    with tempfile.TemporaryDirectory() as folder:
        packs = made_packs(Path(folder))
        unlate = list(undelayed(packs[WINDOWS[0]]))
        measured = list(latencies(packs, gestures, say))
    print(report(gestures, judged, costs, measured, unlate))


if __name__ == "__main__":
    main(sys.argv[1:])
