"""Fuzzed datagrams by the million: no exception, no growth, no note that hangs.

    python -m latentpad.benchmarks.fuzz_osc [DATAGRAMS] [PROCESSES] > benchmarks/fuzz_osc.md

Each process has an instrument without an engine, with all that listens to OSC: server, feedback,
answers, monitor, the terminal's lines. It gets messages of every type to every address, bundles in
bundles, and both with bytes that were changed, left out, repeated or put in. (`tests/test_fuzz_osc`
does the like to an instrument that plays.)
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentpad.benchmarks.machine import machine
from latentpad.controllers.controller import Connection
from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.refusals import Refusals
from latentpad.engine import error_log
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.latent_bounds import LatentBounds

DATAGRAMS = 5_000_000
BATCH = 64
WARM = 0.2  # share of the datagrams after which memory should not grow
LATENTS = 16
SENDERS = [Sender(f"osc 127.99.0.{k}", 40_000 + k) for k in range(1, 7)]
NUMBERS = (
    0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 60.0, 127.0, 1e9, -1e9, 3.4e38, 5e-324, 1e308, -1e308,
    float("inf"), float("-inf"), float("nan"), 1024.0, 65535.0,
)  # fmt: skip
WORDS = ("", "loop", "shot", "walk", "../..", "auto", "x" * 300, "é🥁", "/gain", "nan", "-1", "\n")
PATTERNS = ("*", "?*", "{xy,touch,start}", "[a-m]*", "[!a]*", "{", "[", "*a*b*")
TAGS = "ifhdsSbtrcmTFNI[]"


@dataclass
class Result:
    """What one process has found."""

    datagrams: int = 0
    malformed: int = 0
    refused: int = 0
    lines: int = 0
    faults: list[str] = field(default_factory=list)
    memory: float = 0.0  # MB, when warm
    growth: float = 0.0  # MB since then
    held: int = 0  # fingers and loops that hang after a panic
    seconds: float = 0.0


class Fuzz:
    """Draws datagrams for the addresses of an instrument."""

    def __init__(self, dice: random.Random, addresses: Sequence[str]) -> None:
        self._dice = dice
        self._addresses = addresses

    def datagram(self) -> bytes:
        """One datagram, in a third of the cases with bytes that are not as they should be."""
        made = self._packet(0)
        return made if self._dice.random() < 0.67 else self._spoilt(made)

    def _packet(self, depth: int) -> bytes:
        dice = self._dice
        if depth > 9 or dice.random() < 0.9:
            return self._message()
        elements = [self._packet(depth + 1) for _ in range(dice.randrange(5))]
        now = int((time.time() + 2_208_988_800) * 2**32)
        timetag = dice.choice((1, 1, 1, 0, 2**64 - 1, now, now + (1 << 28), dice.getrandbits(64)))
        body = b"".join(struct.pack(">i", len(element)) + element for element in elements)
        return b"#bundle\0" + timetag.to_bytes(8, "big") + body

    def _message(self) -> bytes:
        dice = self._dice
        count = dice.choice((0, 1, 1, 1, 2, 2, 2, 3, LATENTS, 40))
        tags = "".join(dice.choice("ffff" + TAGS) for _ in range(count))
        body = b"".join(map(self._argument, tags))
        return _padded(self._address().encode()) + _padded(b"," + tags.encode()) + body

    def _address(self) -> str:
        dice = self._dice
        number = dice.choice(("0", "1", "2", "10", "16", "999", "1000000000", "-1", "*", "[1-3]"))
        address = dice.choice(self._addresses).replace("*", number)
        kind = dice.random()
        if kind < 0.05:
            return address.upper()
        if kind < 0.10:  # a pattern in the place of some part
            parts = address.split("/")
            parts[dice.randrange(1, len(parts))] = dice.choice(PATTERNS)
            return "/".join(parts)
        if kind < 0.13:
            return "/" + "".join(chr(dice.randrange(33, 127)) for _ in range(dice.randrange(40)))
        return address

    def _argument(self, tag: str) -> bytes:
        dice = self._dice
        if tag in "fd":
            value = dice.choice(NUMBERS) if dice.random() < 0.3 else dice.random()
            try:
                return struct.pack(f">{tag}", value)
            except OverflowError:
                return struct.pack(">f", float("inf"))
        if tag in "ih":
            size = 32 if tag == "i" else 64
            value = dice.randrange(-2, 130) if dice.random() < 0.8 else dice.getrandbits(size - 1)
            return struct.pack(">i" if tag == "i" else ">q", value)
        if tag in "sS":
            return _padded(dice.choice(WORDS).encode())
        if tag == "b":
            data = dice.randbytes(dice.randrange(40))
            return struct.pack(">i", len(data)) + data + bytes(-len(data) % 4)
        return dice.randbytes({"t": 8, "r": 4, "c": 4, "m": 4}.get(tag, 0))

    def _spoilt(self, datagram: bytes) -> bytes:
        dice, data = self._dice, bytearray(datagram)
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(data) + 1)
            kind = dice.randrange(5)
            if kind == 0 and place < len(data):
                data[place] = dice.randrange(256)
            elif kind == 1:
                del data[place:]
            elif kind == 2:
                del data[place : place + dice.randrange(1, 9)]
            elif kind == 3:
                data[place:place] = data[:place][-dice.randrange(1, 17) :]
            else:
                data[place:place] = dice.randbytes(dice.randrange(1, 9))
        return bytes(data)


def _padded(text: bytes) -> bytes:
    return text + bytes(4 - len(text) % 4)


def fuzz(datagrams: int, seed: int) -> Result:
    """Fuzz an instrument in this process."""
    return asyncio.run(_fuzz(datagrams, seed))


async def _fuzz(datagrams: int, seed: int) -> Result:
    result, began = Result(), time.monotonic()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: result.faults.append(str(context)))
    report = error_log.report
    error_log.report = lambda error: result.faults.append(repr(error))
    instrument = Instrument(
        Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000)),
        PackLimits(
            LatentBounds.of(np.zeros((1, LATENTS))), ("raw", "principal", "map"),
            lambda anchor: ((0.5, 0.5), (0.0,) * LATENTS), lambda values, point: (0, "", ""),
            axes=None, anchors=32,
        ),
        clock=time.monotonic,
    )  # fmt: skip
    outcomes = Outcomes(instrument)

    def say(line: str) -> None:
        result.lines += 1
        if not line.isprintable():
            result.faults.append(f"not printable: {line!r}")

    Refusals(outcomes, say)
    feedback = Feedback(instrument, outcomes=outcomes)
    osc = OscController(0)
    await osc.start(Connection(instrument, outcomes, feedback, say))
    dice = random.Random(seed)
    drawn = Fuzz(dice, instrument.addresses())
    try:
        for start in range(0, datagrams, BATCH):
            count = min(BATCH, datagrams - start)
            osc.take([(drawn.datagram(), dice.choice(SENDERS)) for _ in range(count)])
            result.datagrams += count
            instrument.tick()
            await asyncio.sleep(0)
            if start // BATCH == int(WARM * datagrams) // BATCH:
                result.memory = _memory()
        result.growth = _memory() - result.memory
        await asyncio.sleep(1.1)  # bundles that were to be carried out later
        instrument.apply("/panic", ())
        result.held = len(instrument.state().held) + sum(map(instrument.down, range(1, 11)))
        if not np.isfinite(instrument.board.values).all():
            result.faults.append("a value on the board is not finite")
    finally:
        error_log.report = report
        await osc.stop()
        feedback.close()
    result.malformed, result.refused = osc.counts.malformed, osc.counts.refused
    result.seconds = time.monotonic() - began
    return result


def _memory() -> float:
    """MB of this process that no file holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def rows(results: Sequence[Result]) -> Iterator[str]:
    """The rows of the table."""

    def total(name: str) -> int:
        return sum(int(getattr(result, name)) for result in results)

    faults = [fault for result in results for fault in result.faults]
    yield f"| datagrams | {total('datagrams')} |"
    yield f"| malformed, and elements of bundles | {total('malformed')} |"
    yield f"| commands refused | {total('refused')} |"
    yield f"| lines for the terminal | {total('lines')} |"
    examples = f": {'; '.join(faults[:3])[:300]}" if faults else ""
    yield f"| exceptions | {len(faults)}{examples} |"
    memory = ", ".join(f"{r.memory:.1f} MB {r.growth:+.1f}" for r in results)
    yield f"| memory of each process (RssAnon), when warm, and its growth since | {memory} |"
    yield f"| fingers and loops that hang after `/panic` | {total('held')} |"
    yield f"| seconds | {max(result.seconds for result in results):.0f} |"


def main() -> None:
    datagrams = int(sys.argv[1]) if len(sys.argv) > 1 else DATAGRAMS
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count() or 1
    shares = [datagrams // processes + (k < datagrams % processes) for k in range(processes)]
    with multiprocessing.Pool(processes) as pool:
        results = pool.starmap(fuzz, [(share, seed) for seed, share in enumerate(shares)])
    print(
        f"# Fuzzed OSC, {time.strftime('%Y-%m-%d')}\n\n"
        f"`python -m latentpad.benchmarks.fuzz_osc {datagrams} {processes}` on {machine()}.\n\n"
        "| | |\n| --- | --- |"
    )
    for row in rows(results):
        print(row)


if __name__ == "__main__":
    main()
