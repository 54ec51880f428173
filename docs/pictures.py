"""Draw the sound of four gestures: `python docs/pictures.py`, into docs/pictures/.

The instrument renders each as a gesture recording. The spectrogram would show a click as a vertical
line.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soundfile

from latentpad.cli.render import render_file

matplotlib.use("Agg")
from matplotlib import pyplot as plt

Gesture = tuple[float, str, list[Any]]
OUT = Path(__file__).parent / "pictures"


def steady() -> Iterator[Gesture]:
    """A finger that rests on one point."""
    yield 0.1, "/pad/xy", [0.35, 0.6]
    yield 3.6, "/pad/1/touch", [0]


def scrub() -> Iterator[Gesture]:
    """A finger that moves back and forth over the pad."""
    for k in range(350):
        t = 0.1 + 0.01 * k
        yield t, "/pad/xy", [0.5 + 0.45 * math.sin(5 * t), 0.5 + 0.4 * math.cos(3.3 * t)]
    yield 3.7, "/pad/1/touch", [0]


def freeze() -> Iterator[Gesture]:
    """A sound that is frozen, moved through, transposed, and unfrozen."""
    yield 0.1, "/pad/xy", [0.4, 0.5]
    yield 0.3, "/loop/freeze", [1]
    for k in range(100):
        yield 1.3 + 0.01 * k, "/pad/xy", [0.4 + 0.003 * k, 0.5]
    yield 2.6, "/pitch", [12]
    yield 3.1, "/loop/freeze", [0]
    yield 3.6, "/pad/1/touch", [0]


def burst() -> Iterator[Gesture]:
    """Twenty-four notes in a second and a half, more than there are voices."""
    yield 0.0, "/mode", ["shot"]
    yield 0.0, "/shot/rest", [0]  # the notes alone start shots
    yield 0.05, "/pad/xy", [0.6, 0.4]
    for k in range(24):
        yield 0.2 + 0.06 * k, "/pad/xy", [0.2 + 0.025 * k, 0.4]
        yield 0.2 + 0.06 * k, "/note", [52 + k, 70 + 2 * k]


def main() -> None:
    OUT.mkdir(exist_ok=True)
    figure, axes = plt.subplots(4, 1, figsize=(11, 11), layout="constrained")
    for axis, gesture in zip(axes, (steady, scrub, freeze, burst), strict=True):
        with tempfile.TemporaryDirectory() as folder:
            take, sound = Path(folder) / "take.jsonl", Path(folder) / "take.wav"
            lines = [{"preset": "walk", "pack": "footsteps", "seed": 0}] + [
                {"t": t, "address": address, "args": args} for t, address, args in gesture()
            ]
            take.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
            render_file(take, sound, print)
            samples, rate = soundfile.read(sound)
        _power, _frequency, _time, _ = axis.specgram(
            samples[:, 0] + 1e-12, NFFT=512, noverlap=448, Fs=rate, cmap="magma",
            vmin=-150, vmax=-60,
        )  # fmt: skip
        axis.set(title=(gesture.__doc__ or "").rstrip("."), ylim=(0, 20000), ylabel="Hz")
        peak = float(np.abs(samples).max())
        print(f"{gesture.__name__}: {len(samples) / rate:.2f} s, peak {peak:.3f}")
    axes[-1].set_xlabel("s")
    figure.savefig(OUT / "gestures.png", dpi=80)


if __name__ == "__main__":
    main()
