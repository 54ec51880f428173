"""What it costs transients to decode every 256 samples and play every 128, interpolated in dB.

    python -m latentpad.benchmarks.decoded_hop [FOLDER] [COUNT]

Takes COUNT (default 40) recordings of FOLDER, spread over it, or generated clicks and bursts
without one. Compares their true magnitudes at hop 128 with those at hop 256 whose frames between
are the mean in dB of their neighbours; and the same for hop 512. Prints means over the sounds:

- error: mean |dB| on the frames between, content only; and spectral convergence in dB
- rise: ms in which the frame level goes from -20 dB to -3 dB below its first peak
- before: dB of waveform energy in the 10 ms before the true onset, relative to the 10 ms after
  it, phases by Fast Griffin-Lim at hop 128 (pre-echo; `true` is Griffin-Lim's own share)
- ViSQOL of that waveform against the recording
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from latentpad.models import extras
from latentpad.models.audio import reading
from latentpad.models.audio.griffinlim import griffinlim
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats, Representation, audible, frame_levels

FINE = Representation(hop=128, frames=376)


def interpolated(frames_db: Floats, step: int) -> Floats:
    """Every `step`-th of (frames, bins) dB, with linear interpolation in dB between them."""
    kept = np.arange(0, len(frames_db), step)
    position = np.minimum(np.arange(len(frames_db)) / step, len(kept) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(kept) - 1)
    share = (position - low).astype(np.float32)[:, None]
    coarse = frames_db[kept]
    return coarse[low] * (1 - share) + coarse[high] * share


def rise(frames_db: Floats) -> float:
    """ms from -20 to -3 dB below the loudest frame of the first 50 ms of sound."""
    levels = frame_levels(frames_db)
    first = int(np.argmax(levels > levels.max() - 45))
    attack = levels[first : first + round(0.05 * FINE.sample_rate / FINE.hop)]
    time = np.arange(len(attack)) * 1000 * FINE.hop / FINE.sample_rate
    peak = int(attack.argmax())
    low, high = (
        np.interp(attack[peak] - below, attack[: peak + 1], time[: peak + 1]) for below in (20, 3)
    )
    return float(high - low)


def attack_sample(sound: Floats) -> int:
    """The first sample within 30 dB of the sound's peak."""
    return int(np.argmax(np.abs(sound) > 10 ** (-30 / 20) * np.abs(sound).max()))


def before(sound: Floats, start: int, span: int = 480) -> float:
    early = float(np.square(sound[max(0, start - span) : start]).mean()) if start else 0.0
    late = float(np.square(sound[start : start + span]).mean())
    return 10 * float(np.log10(max(early, 1e-12) / max(late, 1e-12)))


def generated() -> list[Floats]:
    """Clicks and bursts of noise, not aligned with any hop."""
    rng = np.random.default_rng(0)
    sounds = []
    for start in rng.integers(2000, 6000, 20):
        click, burst = np.zeros((2, FINE.samples), np.float32)
        click[start] = 1
        noise = rng.normal(0, 0.2, FINE.samples - start)
        burst[start:] = noise * np.exp(-np.arange(len(noise)) / 2000)
        sounds += [click, burst]
    return sounds


def recordings(folder: Path, count: int) -> list[Floats]:
    """The sounds with 20 ms of silence before each, in which a pre-echo can appear."""
    paths = reading.sound_files(folder)
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]
    quiet = np.zeros(960, np.float32)
    loaded = (np.concatenate([quiet, reading.read_samples(path, FINE)]) for path in chosen)
    return [reading.fit_length(sound, FINE.samples) for sound in loaded]


def main(arguments: list[str]) -> None:
    extras.check("visqol", "this page needs ViSQOL")
    count = int(arguments[1]) if len(arguments) > 1 else 40
    sounds = recordings(Path(arguments[0]), count) if arguments else generated()
    table: dict[str, list[tuple[float, ...]]] = {}
    for sound in sounds:
        magnitudes = FINE.magnitudes(sound)
        peak = float(magnitudes.max())
        true = FINE.decibels(magnitudes)
        start = attack_sample(sound)
        for name, step in (("true 128", 1), ("256 -> 128", 2), ("512 -> 128", 4)):
            made = interpolated(true, step)
            between = similarity.content(true) & (np.arange(len(true)) % step != 0)
            error = float(np.abs(made - true)[between].mean()) if between.any() else 0.0
            linear = audible(made, FINE) * np.float32(peak)
            waveform = griffinlim(linear, FINE.hop, FINE.window)
            table.setdefault(name, []).append(
                (
                    error,
                    similarity.spectral_convergence(magnitudes, linear),
                    rise(made),
                    before(waveform, start),
                    similarity.visqol(sound, waveform, FINE),
                )
            )
    print(f"{len(sounds)} sounds; onset of the originals: before {mean_before(sounds):.1f} dB")
    print(f"{'':12}{'error dB':>10}{'SC dB':>8}{'rise ms':>9}{'before dB':>11}{'ViSQOL':>8}")
    for name, rows in table.items():
        error, convergence, ms, early, grade = np.mean(rows, axis=0)
        far = f"{convergence:8.1f}" if convergence > -100 else f"{'':>8}"
        print(f"{name:12}{error:10.2f}{far}{ms:9.2f}{early:11.1f}{grade:8.2f}")


def mean_before(sounds: list[Floats]) -> float:
    return float(np.mean([before(sound, attack_sample(sound)) for sound in sounds]))


if __name__ == "__main__":
    main(sys.argv[1:])
