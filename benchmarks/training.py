"""Cost of a training: minutes and peak memory, from a folder of sounds to a pack that plays.

python -m latentpad.benchmarks.training [--sounds 300] [--epochs E] [--folder FOLDER]

Without a folder it generates sounds: decaying tones, chords and noises of a second at 48 kHz.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from latentpad.benchmarks.machine import machine

RATE = 48000


def make(folder: Path, count: int) -> None:
    """`count` FLACs of one second, no two alike."""
    time = np.arange(RATE) / RATE
    for i in range(count):
        rng = np.random.default_rng(i)
        partials = rng.uniform(80, 4000, rng.integers(1, 6))
        tone = sum(np.sin(2 * np.pi * f * time) for f in partials) / len(partials)
        noise = rng.normal(0, 0.3, RATE)
        share = rng.random()
        sound = (share * tone + (1 - share) * noise) * np.exp(-time * rng.uniform(2, 30))
        soundfile.write(folder / f"{i:05}.flac", 0.5 * sound, RATE)


class Cost(NamedTuple):
    """The cost of one `latentpad train`, with its child processes."""

    minutes: float
    cpu_minutes: float  # of one core: other programs hardly affect it
    gigabytes: float  # peak resident memory


def measured(folder: Path, out: Path, epochs: int | None) -> Cost:
    """Train in a process of its own."""
    command = [sys.executable, "-m", "latentpad.cli.main", "train", str(folder), "-o", str(out)]
    if epochs is not None:
        command += ["--epochs", str(epochs)]
    began = time.monotonic()
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the training failed: status {os.waitstatus_to_exitcode(status)}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Cost((time.monotonic() - began) / 60, cpu / 60, usage.ru_maxrss * unit / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=300)
    parser.add_argument("--epochs", type=int, help="else as many as the recipe takes")
    parser.add_argument("--folder", type=Path, help="recordings of your own")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder
        if folder is None:
            folder = Path(temporary) / "sounds"
            folder.mkdir()
            make(folder, given.sounds)
        out = Path(temporary) / "pack"
        cost = measured(folder, out, given.epochs)
        from latentpad.models.packs import pack

        made = pack.load(out)
    figures = made.training
    print(machine())
    print(
        f"{len(made.anchors)} sounds, {figures['epochs']} epochs: {cost.minutes:.1f} minutes in "
        f"all ({figures['minutes']} of them epochs), {cost.cpu_minutes:.1f} of one core; "
        f"{cost.gigabytes:.2f} GB at most"
    )


if __name__ == "__main__":
    main()
