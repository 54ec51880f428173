"""Loudness and brightness of the factory presets: `python -m latentpad.benchmarks.loudness`.

Each is played with the same gesture (`ellipse_and_taps.jsonl`: an ellipse of four seconds, then
eight taps, by moves alone) and rendered as by `latentpad render`. Prints for each preset:

- LUFS: integrated loudness, ITU-R BS.1770-4
- peak: of the samples, dBFS
- limiter: its largest reduction, and the share of the sound with more than 1 dB
- centroid: Hz, of the mean magnitude spectrum over all frames
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.gestures import GestureRecording
from latentpad.engine.offline import OfflineRenderer, rendered_hops
from latentpad.engine.parameters import ROW
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.presets.bank import FACTORY, PresetBank
from latentpad.presets.preset import Preset

GESTURE = Path(__file__).with_name("ellipse_and_taps.jsonl")
FRAME = 2048


@dataclass(frozen=True)
class PresetLoudness:
    """The measurements of one preset."""

    mode: str
    lufs: float
    peak_db: float  # dBFS
    reduction_db: float  # the limiter's largest, 0 or less
    limited: float  # share of the sound with a reduction of more than 1 dB
    centroid: float  # Hz


def measure_preset(preset: Preset, pack: Pack) -> PresetLoudness:
    """Play the gesture on `preset` and `pack`, offline."""
    from pyloudnorm import Meter

    gesture = GestureRecording(GESTURE)
    renderer = OfflineRenderer(pack)
    hops, reductions = [], []
    for hop in rendered_hops(
        renderer, preset.commands(), gesture, gesture.seconds, gesture.touch_fingers
    ):
        hops.append(hop)
        reductions.append(renderer.voices.limiter.reduction_db)
    sound = np.concatenate(hops)
    return PresetLoudness(
        mode=str(preset.values.get("/mode", *ROW["/mode"].show(ROW["/mode"].default))),
        lufs=float(Meter(renderer.rate).integrated_loudness(sound)),
        peak_db=20 * float(np.log10(np.abs(sound).max())),
        reduction_db=min(reductions),
        limited=float(np.mean(np.array(reductions) < -1)),
        centroid=centroid(sound.mean(axis=1), renderer.rate),
    )


def centroid(sound: NDArray[np.float32], rate: int) -> float:
    """Hz: the mean frequency of (samples,), weighted by magnitude."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[:: FRAME // 2]
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)).sum(axis=0)
    frequencies = np.fft.rfftfreq(FRAME, 1 / rate)
    return float((magnitudes * frequencies).sum() / magnitudes.sum())


def table(measured: dict[str, PresetLoudness]) -> str:
    """The page as Markdown."""
    lines = [
        "# How loud the factory's presets are",
        "",
        f"`python -m latentpad.benchmarks.loudness`: each preset played by `{GESTURE.name}` (an "
        "ellipse of four seconds and eight taps, by moves alone) and rendered, at the `/gain` that "
        "the instrument starts with. Loudness is ITU-R BS.1770's, integrated; the centroid that of "
        "the mean magnitude spectrum.",
        "",
        "| preset | mode | LUFS | peak, dBFS | most that the limiter took, dB "
        "| share of the sound it took over 1 dB from | centroid, Hz |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {h.mode} | {h.lufs:.1f} | {h.peak_db:.1f} | {abs(h.reduction_db):.1f} "
        f"| {100 * h.limited:.1f} % | {h.centroid:.0f} |"
        for name, h in measured.items()
    ]
    return "\n".join(lines) + "\n"


def factory() -> dict[str, PresetLoudness]:
    """The measurements of all factory presets."""
    bank = PresetBank(FACTORY, FACTORY / "none")
    presets = {name: bank.load(name) for name in bank.names()}
    loaded = {p.pack: packs.load(packs.find(p.pack)) for p in presets.values()}
    return {name: measure_preset(preset, loaded[preset.pack]) for name, preset in presets.items()}


if __name__ == "__main__":
    print(table(factory()), end="")
