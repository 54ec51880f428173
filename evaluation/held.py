"""How even a held point sounds: loops of some places on a plane, rendered offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentpad.engine.arguments import Argument
from latentpad.engine.offline import OfflineRenderer
from latentpad.engine.plane import Float64
from latentpad.models.metrics.detail import Evenness, evenness
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

SECONDS = 10.0  # measured of each place
BEGINNING_S = 0.5  # before them: the attack is no part of a held sound
RELEASE_S = 11.0  # the longest, after which the next place sounds alone
#: The parameters that arguments of `fit` are played with.
ADDRESSES = {
    "metric": "/metric",
    "guard": "/guard",
    "focus": "/focus",
    "scale": "/multilateration/scale",
    "base": "/lattice/base",
}


def held(
    pack: Pack,
    settings: Sequence[tuple[str, Sequence[Argument]]],
    positions: Float64,
    shown: Callable[[float, float], None] = lambda done, of: None,
) -> list[Evenness]:
    """The evenness of each of (n, 2) positions of the pad, held for `SECONDS` in loop mode.

    All parameters have their defaults, but for the `settings`, commands. `shown` is called with the
    numbers of places done and in all. About two seconds of one core for a place. Raises
    engine.arguments.CommandError for settings that this pack has not.
    """
    renderer = OfflineRenderer(pack)
    for address, args in settings:
        renderer.instrument.apply(address, args)
    renderer.voices.settle()
    results: list[Evenness] = []
    for position in positions:
        shown(len(results), len(positions))
        renderer.instrument.apply("/pad/1/xy", [float(x) for x in position])
        renderer.instrument.apply("/pad/1/touch", (1,))
        _rendered(renderer, BEGINNING_S)
        results.append(evenness(_rendered(renderer, SECONDS), renderer.rate))
        renderer.instrument.apply("/pad/1/touch", (0,))
        until = renderer.seconds + RELEASE_S
        while not renderer.silent and renderer.seconds < until:
            renderer.hop()
    return results


def commands(
    plane: str, axes: Sequence[int] | None, expander: str, fitted: Mapping[str, Any]
) -> list[tuple[str, Sequence[Argument]]]:
    """The commands that set an instrument to a plane and an expander with these arguments of
    `fit`, in loop mode."""
    return [
        ("/mode", ("loop",)),
        ("/plane", (plane,)),
        *([("/axes", tuple(axes))] if axes is not None else []),
        ("/expander", (expander,)),
        *(
            (ADDRESSES[name], (value if isinstance(value, str) else float(value),))
            for name, value in fitted.items()
            if name in ADDRESSES
        ),
    ]


def _rendered(renderer: OfflineRenderer, seconds: float) -> Floats:
    """(n,) samples of the next `seconds`, the mean of left and right."""
    count = -(-round(seconds * renderer.rate) // renderer.hop_size)
    return np.concatenate([renderer.hop().mean(axis=1) for _ in range(count)])
