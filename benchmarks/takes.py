"""Similarity of a take to what was heard: `python -m latentpad.benchmarks.takes`.

A real engine without a device plays every factory preset, on a copy of its pack, and records sound
and gestures. The gestures are rendered from another folder, twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from latentpad.benchmarks.machine import machine
from latentpad.controllers.recording import TakeRecorder
from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.packs import pack as packs
from latentpad.models.packs import reference
from latentpad.models.packs.pack import SHIPPED
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import recall

HAND, KEYS = Sender("osc hand"), Sender("midi keys:1")
AT_ONCE: tuple[tuple[str, tuple[Argument, ...]], ...] = (("/smooth", (0,)), ("/morph", (0,)))
START_S = 300.0  # time limit of the engine's start, for a busy machine
QUIET_S = 30.0  # the longest release and what follows
TAKEN_S = 2.6
FURTHEST = 4096  # samples: the largest lag that is searched

Gesture = tuple[float, Sender, str, tuple[Argument, ...]]


def gestures() -> Iterator[Gesture]:
    """A touch, a jump, a drag, a second finger, notes; the first finger is held at the end."""
    yield 0.1, HAND, "/pad/1/xy", (0.3, 0.4)
    yield 0.1, HAND, "/pad/1/touch", (1,)
    yield 0.5, HAND, "/pad/1/xy", (0.6, 0.75)
    for k in range(20):
        yield 0.8 + 0.015 * k, HAND, "/pad/1/xy", (0.6 - 0.01 * k, 0.75 - 0.02 * k)
    yield 1.2, HAND, "/pad/2/xy", (0.8, 0.3)
    yield 1.2, HAND, "/pad/2/touch", (1,)
    yield 1.4, KEYS, "/note", (64, 90)
    yield 1.5, HAND, "/pitch", (-3,)
    yield 1.7, KEYS, "/note", (64, 0)
    yield 1.8, HAND, "/pad/2/touch", (0,)
    yield 1.9, HAND, "/pad/1/touch", (0,)
    yield 1.95, HAND, "/pad/1/touch", (1,)
    yield 2.2, HAND, "/pad/1/xy", (0.2, 0.2)


class Studio:
    """A playing instrument without a device, and its takes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._bank = PresetBank()
        self._pack = reference.pack_name(session.pack.path)

    def take(
        self,
        preset: str,
        folder: Path,
        after: Sequence[tuple[str, tuple[Argument, ...]]] = AT_ONCE,
    ) -> tuple[Path, Path]:
        """Play `gestures` on a preset, changed by the commands `after`.

        Returns the files of the sound and of the gestures.
        """
        instrument = self.session.instrument
        instrument.apply("/panic", (), HAND)
        recall(instrument, self._bank.load(preset), self._pack)
        instrument.apply_all(after, HAND)
        self.rest()
        takes = TakeRecorder(self.session, preset, lambda line: None)
        sound, lines = folder / f"{preset}.wav", folder / f"{preset}.jsonl"
        taken = takes.begin(sound, lines)
        began = time.monotonic()
        for t, sender, address, args in gestures():
            time.sleep(max(began + t - time.monotonic(), 0))
            instrument.apply(address, args, sender)
        time.sleep(max(began + TAKEN_S - time.monotonic(), 0))
        taken.close()
        return sound, lines

    def rest(self) -> None:
        """Wait until all is silent and no value glides."""
        board, end = self.session.board, time.monotonic() + QUIET_S
        while time.monotonic() < end and (board.voice_state != b.FREE).any():
            time.sleep(0.02)
        time.sleep(1.0)


@contextmanager
def studio(pack: Path) -> Iterator[Studio]:
    session = Session(packs.load(pack), OutputSettings(null=True))
    session.start()
    try:
        session.wait_ready(START_S)
        yield Studio(session)
    finally:
        session.close()


class Likeness(NamedTuple):
    """The similarity of a rendered sound to the recorded one."""

    heard: int  # frames
    rendered: int
    lag: int  # of the best alignment, frames
    correlation: float  # at that lag

    @classmethod
    def of(cls, heard: Path, rendered: Path) -> Likeness:
        one, other = (soundfile.read(path)[0] for path in (heard, rendered))
        length = min(len(one), len(other))
        size = 1 << (2 * length - 1).bit_length()
        spectra = [np.fft.rfft(sound[:length].sum(axis=1), size) for sound in (one, other)]
        across = np.fft.irfft(spectra[0] * spectra[1].conj(), size)
        lags = np.arange(-FURTHEST, FURTHEST + 1)
        lag = int(lags[np.argmax(across[lags])])
        first, second = one[max(lag, 0) :], other[max(-lag, 0) :]
        length = min(len(first), len(second))
        x, y = first[:length].ravel(), second[:length].ravel()
        energy = float(np.sqrt(np.dot(x, x) * np.dot(y, y)))
        alike = float(np.dot(x, y)) / energy if energy else 0.0
        return cls(len(one), len(other), lag, alike)


def rendered(lines: Path, times: int, folder: Path) -> list[Path]:
    """The take's sound files, rendered in `folder` with a relative path.

    By the command, in a process of its own: in a process that has used TensorFlow with more
    threads, sums have another order, and a phase vocoder makes the last bit audible.
    """
    paths = [folder / f"{lines.stem} {k}.wav" for k in range(1, times + 1)]
    search_path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    for path in paths:
        subprocess.run(
            [sys.executable, "-m", "latentpad.cli.main", "render",
             os.path.relpath(lines, folder), "-o", str(path)],
            cwd=folder, env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
        )  # fmt: skip
    return paths


def main() -> None:
    print(f"# Takes, on {machine()}\n")
    print("Printed by `python -m latentpad.benchmarks.takes`: 2.6 s of every factory preset,")
    print(
        "played by the engine and rendered from the take. A correlation of 1 is the same sound.\n"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("footsteps", "oneshots"):
            table(name, Path(temporary))


def table(name: str, temporary: Path) -> None:
    """One page's table: the presets of the pack `name`, on a copy of it."""
    pack_copy = temporary / "packs" / f"my-{name}"
    shutil.copytree(SHIPPED / name, pack_copy)
    bank = PresetBank(user=temporary)
    names = [preset for preset in bank.names() if bank.load(preset).pack == name]
    print(f"## {name}\n")
    print("| preset | | heard | rendered | lag | correlation | twice the same |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with studio(pack_copy) as playing:
        for label, after in (("its own", ()), ("/smooth 0, /morph 0", AT_ONCE)):
            folder, elsewhere = temporary / name / label.replace("/", ""), temporary / "elsewhere"
            folder.mkdir(parents=True)
            elsewhere.mkdir(exist_ok=True)
            for preset in names:
                sound, lines = playing.take(preset, folder, after)
                first, *others = rendered(lines, 2 if after else 1, elsewhere)
                like = Likeness.of(sound, first)
                once = first.read_bytes()
                same = "".join("yes" if made.read_bytes() == once else "no" for made in others)
                print(
                    f"| {preset} | {label} | {like.heard} | {like.rendered} | {like.lag} | "
                    f"{like.correlation:.6f} | {same} |"
                )
                sys.stdout.flush()
    print()


if __name__ == "__main__":
    main()
