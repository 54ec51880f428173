"""How even the drones are: `python -m latentpad.benchmarks.evenness > benchmarks/evenness.md`.

Points that are held for ten seconds, offline: the factory presets that even their loop
(`/loop/even`), and a plain loop, at places of the planes of both shipped packs. Each as it is, and
with the rows of `FORMER` at their defaults. Prints the median and the worst of:

- swing: dB, the largest distance of the level from its mean (`models.metrics.detail.evenness`)
- period: the highest autocorrelation of the level at lags of 0.05 to 1 s, of the same function
- heard: the same, but where the level varies by less than `HEARD_DB` (its standard deviation), the
  autocovariance is divided by the square of that: such variations are not heard as a period
- timbre: the highest autocorrelation of the spectrum's shape at the same lags
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from latentpad.benchmarks.machine import machine
from latentpad.engine.arguments import Argument
from latentpad.engine.offline import PLAYER, OfflineRenderer
from latentpad.models.metrics import detail
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.presets.bank import FACTORY, PresetBank

PACKS = ("footsteps", "oneshots")
PLACES = 20
SECONDS = 10.0
SETTLED_S = 3.0  # after the touch: attack and glide are over
HEARD_DB = 1.0  # what is just heard of a change of level
SPECTRUM, BANDS = 2048, 24
FORMER = ("/loop/even", "/loop/fade", "/loop/jitter", "/loop/shortest")
"""The rows that make a loop even."""

Values = dict[str, Argument]
PLAIN: Values = {"/loop/even": 1.0, "/loop/fade": 0.25, "/loop/jitter": 1.0}
"""What the plain loop is given, besides the defaults of all rows."""


@dataclass(frozen=True)
class HeldPoint:
    """The measurements of one held point."""

    swing: float  # dB
    period: float
    heard: float
    timbre: float


def places(count: int) -> NDArray[np.float64]:
    """(count, 2) points that fill the pad evenly: Roberts' R2 sequence."""
    plastic = 1.324717957244746
    steps = np.array([1 / plastic, 1 / plastic**2])
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


def held(pack: Pack, values: Values, x: float, y: float, seconds: float) -> NDArray[np.float64]:
    """(samples,): the middle of what a finger that rests at a point is heard as."""
    renderer = OfflineRenderer(pack)
    for address, value in values.items():
        renderer.instrument.apply(address, (value,), PLAYER)
    renderer.instrument.apply("/pad/1/xy", (x, y), PLAYER)
    renderer.voices.settle()
    for _ in range(round(SETTLED_S / renderer.hop_s)):
        renderer.hop()
    hops = [renderer.hop() for _ in range(round(seconds / renderer.hop_s))]
    return np.concatenate(hops).mean(axis=1, dtype=np.float64)


def measure(samples: NDArray[np.float64], rate: int) -> HeldPoint:
    """Of (n,) samples of a held point."""
    swing, autocorrelation = detail.evenness(samples, rate)
    heard = detail.period(detail.window_levels(samples, rate)[:, None], HEARD_DB)
    frames = np.lib.stride_tricks.sliding_window_view(samples, SPECTRUM)
    frames = frames[:: round(detail.STEP_S * rate)]
    spectra = np.square(np.abs(np.fft.rfft(frames * np.hanning(SPECTRUM), axis=1)))
    edges = np.unique(np.geomspace(4, SPECTRUM // 2, BANDS + 1).round().astype(int))
    bands = 10 * np.log10(np.add.reduceat(spectra, edges[:-1], axis=1) + 1e-12)
    timbre = detail.period(bands - bands.mean(axis=1, keepdims=True))
    return HeldPoint(swing, autocorrelation, heard, timbre)


def drones() -> dict[str, Values]:
    """The values of the factory presets that even their loop, by name, and of a plain loop."""
    bank = PresetBank(FACTORY, FACTORY / "none")
    presets = {name: bank.load(name).values for name in bank.names()}
    even = {name: values for name, values in presets.items() if values.get("/loop/even")}
    return {**even, "a plain loop": PLAIN}


def former(values: Values) -> Values:
    """The same without what makes the loop even."""
    return {address: value for address, value in values.items() if address not in FORMER}


def table(count: int = PLACES, seconds: float = SECONDS) -> str:
    """The page as Markdown."""
    names = ("swing, dB", "period", "heard", "timbre")
    heads = [f"{name}, {when}" for when in ("before", "after") for name in names]
    rows = ", ".join(f"`{address}`" for address in FORMER)
    lines = [
        "# How even the drones are",
        "",
        f"`python -m latentpad.benchmarks.evenness`: {count} places of the plane of each shipped "
        f"pack, each held for {seconds:g} s and rendered. *After* is the preset, *before* the same "
        f"with {rows} at their defaults. The plain loop has the defaults of all rows but "
        + ", ".join(f"`{address}` {value:g}" for address, value in PLAIN.items())
        + ".",
        "",
        "- *swing*: the largest distance of the level of 50 ms from its mean.",
        "- *period*: the highest autocorrelation of this level at lags of 0.05 to 1 s.",
        f"- *heard*: the same, where a standard deviation under {HEARD_DB:g} dB counts as "
        f"{HEARD_DB:g} dB. A level that is constant but for some tenths of a dB can have any "
        "autocorrelation, which nobody hears.",
        "- *timbre*: the highest autocorrelation of the spectrum's shape at the same lags.",
        "",
        "Each is the median, then the worst place.",
        "",
        machine(),
        "",
        "| preset | pack | " + " | ".join(heads) + " |",
        "| --- | --- |" + " --- |" * len(heads),
    ]
    loaded = {name: packs.load(packs.find(name)) for name in PACKS}
    for preset, values in drones().items():
        for name, pack in loaded.items():
            cells = []
            for played in (former(values), values):
                found = np.array(
                    [
                        astuple(measure(held(pack, played, x, y, seconds), _rate(pack)))
                        for x, y in places(count).tolist()
                    ]
                )
                cells += [
                    f"{middle:.{digits}f}, {worst:.{digits}f}"
                    for middle, worst, digits in zip(
                        np.median(found, axis=0), found.max(axis=0), (1, 2, 2, 2), strict=True
                    )
                ]
            lines.append(f"| {preset} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _rate(pack: Pack) -> int:
    return pack.representation.sample_rate


if __name__ == "__main__":
    print(table(), end="")
