"""Any MIDI bytes: no exception, no growth, no stuck note.

    python -m latentpad.benchmarks.fuzz_midi [SEQUENCES]

Sends that many (default a million) random sequences of bytes through all that a port's bytes pass,
to an instrument without processes: half of them any bytes, half of them messages in some order,
with running status, splits, and real-time bytes between. Every thousand sequences the device is
unplugged, or lets go of all keys and pedals; then nothing may be held.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.backlog import Backlog
from latentpad.controllers.midi.controls import Controls
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine import error_log
from latentpad.engine.arguments import CommandError
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.models.progress import ProgressCallback, no_progress, print_line

ROUND = 1000  # sequences between two checks
PORT = "fuzz"
REAL_TIME = (0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF)
PARAMETERS = ((101, 0, 100, 0), (101, 0, 100, 6), (99, 1, 98, 2), (101, 127, 100, 127))


@dataclass
class Findings:
    """What a run found; all but the first three should be 0."""

    sequences: int = 0
    messages: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    stuck: int = 0  # notes that were held after everything was let go
    growth_mb: float = 0.0  # of the largest size of this process, after the first tenth


def sequence(dice: random.Random) -> list[int]:
    """Bytes that a cable may carry."""
    if dice.random() < 0.5:
        return [dice.randrange(256) for _ in range(dice.randrange(24))]
    data: list[int] = []
    for _ in range(dice.randrange(1, 8)):
        data += message(dice)
        if dice.random() < 0.1:
            data.insert(dice.randrange(len(data)), dice.choice(REAL_TIME))
    return data[: dice.randrange(len(data)) + 1] if dice.random() < 0.2 else data


def message(dice: random.Random) -> list[int]:
    """One message, perhaps without its status."""
    channel, value = dice.randrange(16), dice.randrange(128)
    kind = dice.choice((0x80, 0x90, 0x90, 0xA0, 0xB0, 0xB0, 0xB0, 0xC0, 0xD0, 0xE0))
    if kind == 0xB0 and dice.random() < 0.2:
        a, x, b, y = dice.choice(PARAMETERS)
        status = kind | channel
        return [status, a, x, status, b, y, status, 6, dice.randrange(17)]
    number = dice.choice((0, 1, 16, 17, 32, 48, 49, 64, 66, 74, 121, 123, dice.randrange(128)))
    first = number if kind == 0xB0 else dice.randrange(48, 72)
    body = [value] if kind in (0xC0, 0xD0) else [first, value]
    return body if dice.random() < 0.2 else [kind | channel, *body]


def everything_up() -> Iterator[list[int]]:
    """All keys and pedals of a device come up."""
    for channel in range(16):
        yield [0xF7]  # whatever was begun has ended
        yield [byte for key in range(128) for byte in (0x80 | channel, key, 0)]
        yield [0xB0 | channel, 64, 0, 0xB0 | channel, 66, 0]


def no_anchors(anchor: int) -> tuple[tuple[float, float], list[float]]:
    raise CommandError("there are no anchors")


def fuzz(sequences: int, seed: int = 0, progress: ProgressCallback = no_progress) -> Findings:
    """Send `sequences` random sequences."""
    dice, found = random.Random(seed), Findings()
    reported = error_log.report
    error_log.report = lambda error: found.faults.append(repr(error))
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(dice, found, sequences, Path(folder), progress)
    finally:
        error_log.report = reported
    return found


def _run(
    dice: random.Random, found: Findings, sequences: int, folder: Path, progress: ProgressCallback
) -> None:
    board = Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
    bounds = LatentBounds.of(np.zeros((1, 4)))
    limits = PackLimits(bounds, ("raw",), no_anchors, lambda values, point: (0, "", ""), None, 0)
    instrument = Instrument(board, limits, clock=time.monotonic)
    learning = Learning(instrument, folder / "bindings.toml")
    plug = MidiInput(instrument, PORT, learning, Outcomes(instrument))
    controls, backlog = Controls(), Backlog()
    began, size = time.monotonic(), 0

    def send(data: list[int]) -> None:
        now = time.monotonic()
        for change in (*controls.feed(data, now), *controls.due(now)):
            backlog.add(PORT, change)

    def deliver() -> None:
        for word in backlog.take():
            found.messages += len(word["changes"])
            plug.receive(word["changes"])

    while found.sequences < sequences:
        for _ in range(min(ROUND, sequences - found.sequences)):
            found.sequences += 1
            try:
                send(sequence(dice))
                if dice.random() < 0.1:  # the control process keeps up, or does not
                    deliver()
            except Exception as error:
                found.faults.append(repr(error))
        deliver()
        for _ in board.received():
            pass
        if dice.random() < 0.5:
            plug.release()
        else:
            for data in everything_up():
                send(data)
            deliver()
        # The pad's own voice, which CC 16 starts, sounds on until it is let go.
        found.stuck += sum(loop.address == "/note" for loop in instrument.state().held)
        if found.sequences * 10 >= sequences and not size:
            size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        progress("sequences", found.sequences, sequences)
    found.seconds = time.monotonic() - began
    found.growth_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size) / 1024


def main() -> None:
    sequences = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000

    def say(what: str, done: float, of: float) -> None:
        if done % 100_000 == 0:
            print_line(f"{done:.0f} {what} of {of:.0f}")

    found = fuzz(sequences, seed=1, progress=say)
    print(
        f"{found.sequences} sequences, {found.messages} changes in {found.seconds:.0f} s: "
        f"{len(found.faults)} faults, {found.stuck} stuck notes, {found.growth_mb:.1f} MB more"
    )
    for fault in found.faults[:10]:
        print(fault)
    sys.exit(1 if found.faults or found.stuck else 0)


if __name__ == "__main__":
    main()
