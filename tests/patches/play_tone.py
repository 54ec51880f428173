"""Play noise with `/tone` at both ends, by all that can set it, and print what was found as JSON.

Run in a copy of the sources that `tone.patch` was applied to.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from docs import reference
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.play.voices import Voices
from latentpad.models.representation import Representation
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import recall
from tests.limits import limits

SMALL = Representation(sample_rate=16000, n_fft=256, hop=64, frames=64, range_db=80.0)
HAND = Sender("hand")


class Playing:
    """Finger 1 holds a loop of noise."""

    def __init__(self) -> None:
        r = SMALL
        self.board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
        noise = 0.1 * np.random.default_rng(0).normal(size=r.samples).astype(np.float32)
        self.board.sounds[0, :] = r.decibels(r.magnitudes(noise))
        self.board.sound_filled[0] = True
        self.board.sound_end[0] = r.frames
        self.board.publish(0)
        self.instrument = Instrument(
            self.board,
            limits(2),
            clock=time.monotonic,
        )
        self.voices = Voices(self.board, r)
        self.instrument.apply("/pad/1/touch", (1,), HAND)
        self.board.sound_request[0, :] = self.board.requests[0]

    def centroid(self) -> float:
        """Hz of the middle of what is heard, after a while."""
        hops = np.zeros((400, self.voices.hop_size, 2), np.float32)
        for hop in hops:
            self.voices.hop(hop)
        spectrum = np.abs(np.fft.rfft(hops[200:, :, 0].ravel()))
        return float(np.average(np.fft.rfftfreq(200 * hops.shape[1], 1 / 16000), weights=spectrum))


def main(folder: Path) -> None:
    playing = Playing()
    instrument, bank = playing.instrument, PresetBank(user=folder)
    bright = playing.centroid()

    instrument.apply("/tone", (300.0,), HAND)
    dark = playing.centroid()
    bank.save("dark", instrument.values(), "footsteps", "")

    learning = Learning(instrument, folder / "bindings.toml")
    instrument.apply("/learn", ("/tone",), HAND)
    keys = MidiInput(instrument, "keys", learning, Outcomes(instrument))
    keys.receive([("cc", 1, 74, 0), ("cc", 1, 74, 127)])
    learned = playing.centroid()

    left_out = recall(instrument, bank.load("dark"), "footsteps")
    recalled = playing.centroid()
    found = {
        "bright": bright,
        "dark": dark,
        "learned": learned,
        "recalled": recalled,
        "preset": bank.load("dark").values,
        "left out": left_out,
        "page": reference.control(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
