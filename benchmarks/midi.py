"""A minute of 2,000 MIDI messages a second, as fifteen fingers of an MPE controller send them.

    python -m latentpad.benchmarks.midi [SECONDS]

Fifteen notes, each with its bend, slide (CC 74) and pressure, struck again and again, over a real
JACK server to an instrument that plays them. Every bend carries a number, so it is known when each
value was sent, and when the instrument had it. Prints what the control process used, how late the
newest value was, and what became of the notes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from latentpad.benchmarks.jack_server import jack_server
from latentpad.benchmarks.machine import machine
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.ports import MidiPorts
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.packs.pack import SHIPPED, load

RATE = 2000  # messages a second
FINGERS = 15
STRIKE_S = 0.5  # between two strikes of a finger
BLOCK = 64
LOWEST, BENDS = 4096, 8192  # half of the way, which stays on the pad
OWN = "latentpad (JACK)"


def send(seconds: float) -> None:
    """The controller: a process of its own. Prints when it sent each bend, and its notes."""
    import rtmidi

    midi = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="Fingers")
    midi.open_virtual_port("out")
    print("ready", flush=True)
    sys.stdin.readline()  # it is wired
    sent: list[tuple[int, int, float]] = []  # channel, bend, time
    ons = offs = count = 0
    began = time.monotonic()
    for finger in range(FINGERS):
        midi.send_message([0x91 + finger, 60, 100])
        ons += 1
    struck = [began + STRIKE_S * finger / FINGERS for finger in range(FINGERS)]
    while (now := time.monotonic()) < began + seconds:
        for finger, last in enumerate(struck):
            if now - last >= STRIKE_S:
                struck[finger] = now
                midi.send_message([0x81 + finger, 60, 0])
                midi.send_message([0x91 + finger, 60, 1 + count % 127])
                ons, offs, count = ons + 1, offs + 1, count + 2
        while count < RATE * (time.monotonic() - began):
            finger, what = count // 3 % FINGERS, count % 3
            if what == 0:
                bend = LOWEST + len(sent) % BENDS
                midi.send_message([0xE1 + finger, bend % 128, bend // 128])
                sent.append((finger + 2, bend, time.monotonic()))
            elif what == 1:
                midi.send_message([0xB1 + finger, 74, count // 45 % 128])
            else:
                midi.send_message([0xD1 + finger, 1 + count // 45 % 127])
            count += 1
        time.sleep(0.001)
    for finger in range(FINGERS):
        midi.send_message([0x81 + finger, 60, 0])
        offs += 1
    time.sleep(1.0)
    print(json.dumps({"sent": sent, "ons": ons, "offs": offs, "count": count}), flush=True)


class Heard:
    """What the instrument was told: the time of each bend, and the notes."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float, float]] = []  # channel, x, time
        self.ons = self.offs = 0

    def __call__(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if address == "/note":
            self.ons, self.offs = self.ons + (args[1] != 0), self.offs + (args[1] == 0)
        elif address.endswith("/xy") and address.startswith("/note/"):
            channel = int(sender.group.rpartition(" ")[2])
            self.points.append((channel, float(args[0]), time.monotonic()))


def lateness(sent: list[list[float]], heard: Heard) -> list[float]:
    """For each bend that was sent, the time until its channel had it or a newer one, ms."""
    late: list[float] = []
    for channel in range(2, 2 + FINGERS):
        mine = [(bend, t) for c, bend, t in sent if c == channel]
        x = np.array([x for c, x, _ in heard.points if c == channel])
        at = np.array([t for c, _, t in heard.points if c == channel])
        bends = np.round((x - 0.5) * np.where(x < 0.5, 8192, 8191)).astype(int) + 8192
        for number, (_, t) in enumerate(mine):
            until = mine[number + 1][1] + 1.0 if number + 1 < len(mine) else t + 1.0
            newer = {int(b) for b, _ in mine[number : number + 50]}
            after = np.flatnonzero((at >= t) & (at <= until))
            hit = next((k for k in after if int(bends[k]) in newer), None)
            late.append(float("inf") if hit is None else 1000 * (at[hit] - t))
    return late


def main() -> None:
    if sys.argv[1:2] == ["send"]:
        send(float(sys.argv[2]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with jack_server("latentpad-midi-bench", BLOCK), tempfile.TemporaryDirectory() as folder:
        session = Session(load(SHIPPED / "footsteps"), OutputSettings(null=True), lambda word: None)
        instrument, heard = session.instrument, Heard()
        session.start()
        while not session.ready:
            if session.failed:
                sys.exit(session.failed)
            time.sleep(0.05)
        instrument.taps.append(heard)
        learning = Learning(instrument, Path(folder) / "bindings.toml")
        ports = MidiPorts(instrument, learning, Outcomes(instrument), mpe=True)
        while OWN not in ports.open:
            time.sleep(0.05)
        try:
            found = played(seconds)
            held = int(instrument.board.held.sum())
        finally:
            ports.close()
            session.close()
    late = sorted(lateness(found["sent"], heard))
    print("# A flood of MIDI\n")
    print(f"{machine()}\n")
    print(f"JACK with blocks of {BLOCK}; {FINGERS} MPE fingers; {seconds:.0f} s.\n")
    print("| | |\n| --- | --- |")
    print(f"| messages sent, a second | {found['count'] / seconds:.0f} |")
    print(f"| control process, % of a core | {100 * found['used'] / seconds:.0f} |")
    print(f"| strikes and releases sent | {found['ons']}, {found['offs']} |")
    print(f"| strikes and releases heard | {heard.ons}, {heard.offs} |")
    print(f"| notes held at the end | {held} |")
    for name, share in (("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("worst", 1.0)):
        print(
            f"| newest value, {name}, ms | {late[min(int(share * len(late)), len(late) - 1)]:.1f} |"
        )
    print(f"| mean, ms | {statistics.fmean(late):.1f} |")


def played(seconds: float) -> dict[str, Any]:
    """Let the controller play; what it sent, and what this process used meanwhile."""
    import jack

    controller = subprocess.Popen(
        [sys.executable, "-m", "latentpad.benchmarks.midi", "send", str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert controller.stdin is not None and controller.stdout is not None
    controller.stdout.readline()
    patchbay = jack.Client("patchbay", no_start_server=True)
    patchbay.connect("Fingers:out", "latentpad-midi:latentpad")
    time.sleep(0.5)
    control = psutil.Process()
    before = sum(control.cpu_times()[:2])
    print(file=controller.stdin, flush=True)
    found: dict[str, Any] = json.loads(controller.stdout.readline())
    found["used"] = sum(control.cpu_times()[:2]) - before
    patchbay.close()
    controller.wait(5)
    return found


if __name__ == "__main__":
    main()
