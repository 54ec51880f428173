"""The picture of a card's sounds: recordings above what is heard of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from latentpad.models import figures
from latentpad.models.metrics import heard, picture
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Representation

FILE = "reconstructions.png"


def pictured_rows(splits: Sequence[str], most: int = picture.SOUNDS) -> list[int]:
    """Rows whose recordings the card shows: evenly spread over those unseen in training."""
    unseen = [i for i, split in enumerate(splits) if split == "test"] or list(range(len(splits)))
    return heard.evenly(unseen, most)


def draw(
    pack: Pack,
    decoder: Any,
    chosen: Sequence[int],
    recorded: Sequence[Floats],
    sound: Callable[[Floats, Representation], Floats],
) -> bytes:
    """The picture as a file: each recording above what is heard of the decoded anchor.

    `recorded` are (frames, bins) dB of the `chosen` anchors; `sound` makes samples of a decoded
    sound, as `models.training.quality.JudgedPhase`.
    """
    r = pack.representation
    decoded = np.asarray(decoder.predict(pack.anchors.latents[list(chosen)], 32, verbose=0))
    played = [heard.again(sound(r.decoded(frames), r), r) for frames in decoded]
    names = [str(pack.anchors.names[i]) for i in chosen]
    return figures.png(picture.figure(recorded, played, names, r))
