"""Gesture to sound on this very machine: real packets in, a real server's samples out.

The instrument runs as the performer runs it, in processes of its own; gestures are UDP packets
at random phase; what JACK is given is recorded frame by frame on the server's own clock, and
looked at afterwards, so that looking costs the sound nothing. The least possible program
(`benchmarks.floor`) is measured in the same run: the difference is what the instrument adds.
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import Change, alarmed, bands, change, clicks, holes, onset
from benchmarks.jack_server import RATE, Ear, JackServer, jack_server
from benchmarks.machine import machine
from controllers.osc import decode, encode, encode_bundle

AFTER_S = 0.11
NEAR_S = 0.25  # meters come 20 times a second, and are looked at as often
STEADY = (
    ("/mode", ("loop",)), ("/morph", (0.0,)), ("/smooth", (0.0,)), ("/loop/start", (0.12,)),
    ("/loop/freeze", (1,)), ("/gain", (-6.0,)), ("/texture", (0.0,)), ("/phase", ("rtpghi",)),
    ("/lookahead", (1,)), ("/plane", ("map",)), ("/expander", ("local",)),
)  # fmt: skip


@dataclass
class Latencies:
    """Milliseconds from the packet to the change, of every gesture whose change was found."""

    name: str
    first: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    asked: int = 0

    def add(self, sent: int, found: Change, rate: int) -> None:
        self.asked += 1
        if found.first is not None:
            self.first.append(1000 * (found.first - sent) / rate)
        if found.half is not None:
            self.half.append(1000 * (found.half - sent) / rate)

    def rows(self) -> Iterator[str]:
        for what, values in (("first change", self.first), ("half its energy", self.half)):
            v = np.array(values or [np.nan])
            p50, p95, p99 = np.percentile(v, (50, 95, 99))
            yield (
                f"| {self.name}, {what} | {len(values)}/{self.asked} | {p50:.1f} | {p95:.1f} | "
                f"{p99:.1f} | {v.max():.1f} | {v.std():.1f} |"
            )


class Instrument:
    """`latentpad play` as a program of its own, steered over UDP."""

    def __init__(self, server: JackServer, port: int, block: int, ring: float | None) -> None:
        self._address = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._program = subprocess.Popen(
            [sys.executable, "-m", "controllers.cli", "play", "--osc-port", str(port),
             "--block", str(block), *(() if ring is None else ("--ring", str(ring)))],
            env=server.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        began = time.monotonic()
        assert self._program.stdout is not None
        for line in self._program.stdout:
            if line.strip() == "ready":
                break
        else:
            raise RuntimeError("latentpad play did not become ready")
        self.ready_s = time.monotonic() - began

    def send(self, *messages: tuple[str, tuple[Any, ...]]) -> None:
        """One packet: a message, or a bundle of several."""
        packed = [encode(address, args) for address, args in messages]
        packet = packed[0] if len(packed) == 1 else encode_bundle(packed)
        self._socket.sendto(packet, self._address)

    def meters(self) -> dict[str, tuple[Any, ...]]:
        """What it says of itself: the newest values of its meters."""
        found: dict[str, tuple[Any, ...]] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.5)
            asking.sendto(encode("/sync"), self._address)
            end = time.monotonic() + 0.4
            while time.monotonic() < end:
                try:
                    packet = decode(asking.recv(65536))
                except TimeoutError:
                    break
                found |= {m.address: tuple(m.args) for m in packet.messages}
        return found

    def subscribe(self) -> socket.socket:
        """A socket to which it tells its meters until the socket is closed."""
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.setblocking(False)
        asking.sendto(encode("/sync"), self._address)
        return asking

    @staticmethod
    def told(asked: socket.socket) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """What has been told since last looked at."""
        while True:
            try:
                yield from ((m.address, m.args) for m in decode(asked.recv(65536)).messages)
            except BlockingIOError:
                return

    def close(self) -> None:
        self._program.terminate()
        try:
            self._program.wait(5)
        except subprocess.TimeoutExpired:
            self._program.kill()


def measure(
    *, gestures: int, soak: float, block: int, ring: float | None, say: Callable[[str], None]
) -> str:
    """The whole measurement; returns the report as Markdown. Raises `JackError`."""
    dice = random.Random(1)
    with jack_server(f"latentpad-{os.getpid()}", block) as server:
        say("the least possible program ...")
        least, _ = _floor(server, gestures, block, dice)
        say("the instrument ...")
        instrument = Instrument(server, _free_port(), block, ring)
        try:
            say(f"ready after {instrument.ready_s:.1f} s; jumps in loop mode ...")
            before = instrument.meters()
            loop, steps, false = _jumps(instrument, gestures, dice)
            say("shots ...")
            rest = _shots(instrument, gestures, dice, moving=False)
            moved = _shots(instrument, gestures, dice, moving=True)
            after = instrument.meters()
            say(f"eight voices for {soak:.0f} s, beside the least possible program ...")
            lasting = _soak(server, instrument, soak, block, dice) if soak else []
        finally:
            instrument.close()
    table = [
        f"# Gesture to sound, {time.strftime('%Y-%m-%d')}",
        "",
        f"`latentpad measure --gestures {gestures} --soak {soak:.0f} --block {block}"
        f"{'' if ring is None else f' --ring {ring}'}` on {machine()}; "
        f"JACK (dummy driver) at {RATE} Hz, blocks of {block}. "
        "Milliseconds from the UDP send to the change in what JACK was given.",
        "",
        "| | found | p50 | p95 | p99 | max | std |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(row for each in (least, loop, rest, moved) for row in each.rows()),
        "",
        "| above the floor (first change) | p50 | p95 |",
        "| --- | --- | --- |",
        *(_above(each, least) for each in (loop, rest, moved)),
        "",
        f"False alarms of the detector on steady sound: {100 * false:.1f} %. Steps in the steady "
        f"sound: {steps}.",
        f"Starved ring reads during these gestures: {_starved(after) - _starved(before)}; ring "
        f"{_ring(after)} blocks; decode {_decode_ms(after):.1f} ms.",
        "",
        *lasting,
    ]
    return "\n".join(table) + "\n"


def _floor(
    server: JackServer, gestures: int, block: int, dice: random.Random
) -> tuple[Latencies, dict[str, Any]]:
    """Latency of the least possible program."""
    result = Latencies("floor")
    with _least_program(server, block) as send:
        ear = Ear(30 + 0.32 * gestures)
        ear.listen()
        send(0.1)
        time.sleep(0.3)
        sent = []
        for k in range(gestures):
            time.sleep(dice.uniform(0.26, 0.3))
            sent.append(ear.now)
            send(0.3 if k % 2 == 0 else 0.1)
        time.sleep(0.3)
        heard = ear.heard.copy()
        ear.close()
    for at in sent:
        result.add(at, change(heard, at, RATE, 0.08), RATE)
    return result, {}


@contextmanager
def _least_program(
    server: JackServer, block: int, end: dict[str, Any] | None = None
) -> Iterator[Callable[[float], None]]:
    port = _free_port()
    program = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.floor", str(port), str(block)],
        env=server.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    program.stdout.readline()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        yield lambda level: _send_level(sender, port, level)
    finally:
        sender.sendto(b"", ("127.0.0.1", port))
        said, _ = program.communicate(timeout=20)
        if end is not None:
            end.update(json.loads(said.splitlines()[-1]))


def _send_level(sender: socket.socket, port: int, level: float) -> None:
    sender.sendto(struct.pack("<f", level), ("127.0.0.1", port))


def _jumps(
    instrument: Instrument, gestures: int, dice: random.Random
) -> tuple[Latencies, int, float]:
    """A jump of the point under a frozen, steady sound."""
    ear = Ear(60 + 0.36 * gestures)
    ear.listen()
    instrument.send(*STEADY)
    points = _distinct(instrument, ear, dice)
    sent, last = [], points[0]
    instrument.send(("/pad/xy", last))
    time.sleep(0.4)
    first = ear.now
    for _ in range(gestures):
        last = dice.choice([p for p in points if p != last])
        time.sleep(dice.uniform(0.29, 0.34))
        sent.append(ear.now)
        instrument.send(("/pad/xy", last))
    time.sleep(0.3)
    heard = ear.heard.copy()
    ear.close()
    instrument.send(("/pad/1/touch", (0,)))
    result = Latencies("jump in loop mode")
    for at in sent:
        result.add(at, change(heard, at, RATE, AFTER_S), RATE)
    alarms = [alarmed(heard, at, RATE) for at in sent]
    span = int(0.1 * RATE)
    steady = [
        heard[at - span : at]
        for at in sent[1:]
        if not any(low < at and at - span < high for low, high in ear.missed)
    ]
    missed = [(low - first, high - first) for low, high in ear.missed]
    steps = sum(clicks(piece, RATE) for piece in steady) + holes(heard[first : sent[-1]], missed)
    return result, steps, sum(alarms) / len(alarms)


def _distinct(
    instrument: Instrument, ear: Ear, dice: random.Random, tries: int = 24, wanted: int = 6
) -> list[tuple[float, float]]:
    """Points whose frozen sounds are steady and far from one another."""
    found: list[tuple[float, tuple[float, float], NDArray[np.float64]]] = []
    for _ in range(tries):
        point = (dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95))
        instrument.send(("/pad/xy", point))
        time.sleep(0.3)
        level = 10 * np.log10(bands(ear.heard[-int(0.12 * RATE) :], RATE) + 1e-12)
        found.append((float(np.median(level.std(axis=0))), point, level.mean(axis=0)))
    found.sort(key=lambda each: each[0])
    best = [found[0]]
    while len(best) < wanted:
        distances = [
            (min(float(np.abs(level - b).max()) for _, _, b in best) - 3 * spread, k)
            for k, (spread, _, level) in enumerate(found)
        ]
        best.append(found[max(distances)[1]])
    return [point for _, point, _ in best]


def _shots(
    instrument: Instrument, gestures: int, dice: random.Random, *, moving: bool
) -> Latencies:
    """Notes out of silence: at a point that rests, or at a new point each time."""
    ear = Ear(30 + 0.35 * gestures)
    ear.listen()
    instrument.send(("/loop/freeze", (0,)), ("/mode", ("shot",)), ("/loop/speed", (1.0,)))
    instrument.send(("/pad/xy", (0.5, 0.5)))
    time.sleep(0.3)
    sent = []
    for _ in range(gestures):
        instrument.send(("/panic", ()))
        time.sleep(dice.uniform(0.14, 0.2))
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
    for at in sent:
        result.add(at, onset(heard, at, RATE, 0.1), RATE)
    return result


def _soak(
    server: JackServer, instrument: Instrument, seconds: float, block: int, dice: random.Random
) -> list[str]:
    """Eight fingers hold and move looping voices; who was late, when?"""
    ear = Ear(seconds + 30)
    mine = ear.listen()
    late: dict[str, Any] = {}
    with _least_program(server, block, late):
        instrument.send(
            ("/mode", ("loop",)), ("/loop/freeze", (0,)), ("/morph", (0.03,)), ("/gain", (-18.0,))
        )
        before = instrument.meters()
        for n in range(1, 9):
            instrument.send((f"/pad/{n}/xy", (dice.random(), dice.random())))
            instrument.send((f"/pad/{n}/touch", (1,)))
        time.sleep(1.0)
        begin, xruns = ear.now, ear.xruns
        end = time.monotonic() + seconds
        starved: list[float] = []  # when a starved read was told of, within a few hundredths
        loads, rings = [], []
        told = instrument.subscribe()
        last = _starved(before)
        while time.monotonic() < end:
            time.sleep(dice.uniform(0.02, 0.08))
            n = dice.randint(1, 8)
            instrument.send((f"/pad/{n}/xy", (dice.random(), dice.random())))
            for address, args in instrument.told(told):
                if address == "/meter/faults" and int(args[0]) > last:
                    starved += [time.monotonic()] * (int(args[0]) - last)
                    last = int(args[0])
                elif address == "/meter/load":
                    loads.append(float(args[0]))
                elif address == "/meter/engine":
                    rings.append(float(args[0]))
        told.close()
        heard = ear.heard[begin:].copy()
        xruns = ear.xruns - xruns
        missed = [(low - begin, high - begin) for low, high in ear.missed if low >= begin]
        after = instrument.meters()
        ear.close()
    for n in range(1, 9):
        instrument.send((f"/pad/{n}/touch", (0,)))
    total = _starved(after) - _starved(before)
    longest = 1000 * max((gap for _, gap in late["late"]), default=0.0)
    blind = sum(not any(at - NEAR_S < when < at for when, _ in late["late"]) for at in starved)
    return [
        f"## Eight voices for {seconds:.0f} s",
        "",
        f"Every voice loops; a random finger jumps every 20 to 80 ms ({len(mine)} ports, mono "
        "capture of the left one). The least possible program ran beside it, silent.",
        "",
        "| | |",
        "| --- | --- |",
        f"| starved ring reads | {total} |",
        f"| of those, with no late callback of the floor in the {NEAR_S} s before | {blind} |",
        f"| holes of 16 or more zero samples in the capture | {holes(heard, missed)} |",
        f"| blocks that the capture itself missed (not looked at) | {len(missed)} |",
        f"| the floor's late callbacks (over two blocks) | {len(late['late'])} of "
        f"{late['callbacks']}, longest {longest:.1f} ms |",
        f"| JACK xruns | {xruns} |",
        f"| share of a core that rendering took | median {np.median(loads or [0]):.2f}, "
        f"max {max(loads or [0]):.2f} |",
        f"| ring, blocks | median {np.median(rings or [0]):.1f}, max {max(rings or [0])} |",
        f"| decodes dropped for newer ones | {int(after['/meter/faults'][4])} |",
        f"| hops over time, voices silenced for not being numbers | "
        f"{int(after['/meter/faults'][1])}, {int(after['/meter/faults'][2])} |",
    ]


def _above(each: Latencies, least: Latencies) -> str:
    here = np.percentile(each.first or [np.nan], (50, 95))
    floor = np.percentile(least.first or [np.nan], (50, 95))
    return f"| {each.name} | +{here[0] - floor[0]:.1f} | +{here[1] - floor[1]:.1f} |"


def _starved(meters: dict[str, tuple[Any, ...]]) -> int:
    return int(meters["/meter/faults"][0])


def _ring(meters: dict[str, tuple[Any, ...]]) -> float:
    return float(meters["/meter/engine"][0])


def _decode_ms(meters: dict[str, tuple[Any, ...]]) -> float:
    return float(meters["/meter/engine"][3]) / 1000


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
