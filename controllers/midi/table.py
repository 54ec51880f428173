"""The table of MIDI messages: what each does if nothing was learned for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from latentpad.engine.parameters import ROW

MODULATION, VOLUME, PAN, EXPRESSION = 1, 7, 10, 11
_GAIN = ROW["/gain"]


def gain(position: float) -> float:
    """CC 7 as dB: 40 log10(value / 100) above the default gain.

    So 100, the initial MIDI volume, is the default. The curve is General MIDI 2's for channel
    volume.
    """
    if position == 0:
        return _GAIN.low
    return max(_GAIN.default[0] + 40 * math.log10(position * 127 / 100), _GAIN.low)


def pan(position: float) -> float:
    """CC 10 as -1...1: 64 is the middle."""
    return min(max((position * 127 - 64) / 63, -1.0), 1.0)


class Controller(NamedTuple):
    """A controller that steers the whole instrument."""

    address: str
    value: Callable[[float], float]  # of a position 0...1
    help: str


def _of_row(address: str, help: str) -> Controller:
    return Controller(address, ROW[address].from_unit, help)


CONTROLLERS: dict[int, Controller] = {
    MODULATION: _of_row("/texture", "modulation; with `--bend-layout` it is y"),
    VOLUME: Controller("/gain", gain, "volume: 100 is the initial level, 0 the least, -60 dB"),
    PAN: Controller("/pan", pan, "pan: 64 is the middle"),
    EXPRESSION: _of_row("/expression", "expression: 127 is full, 0 is silence"),
    16: Controller("/pad/x", float, "x of finger 1"),
    17: Controller("/pad/y", float, "y of finger 1"),
    72: _of_row("/release", "release time, by its curve"),
    73: _of_row("/attack", "attack time, by its curve"),
}
"""By their numbers."""

RESET_BY_121 = (MODULATION, EXPRESSION)
"""The controllers that CC 121 resets: it leaves volume, pan, and the times."""

MESSAGES: tuple[tuple[str, str], ...] = (
    ("note on, note off", "starts and releases a voice at finger 1's point: `/note`"),
    (
        "pitch bend",
        "bends the notes of its channel, two semitones each way, or as far as RPN 0 says; "
        "with `--bend-layout` it is x",
    ),
    ("channel pressure, key pressure", "raises the channel's notes, or the key's, by up to 12 dB"),
    *((f"CC {n}", f"`{c.address}`: {c.help}") for n, c in sorted(CONTROLLERS.items())),
    ("CC 64", "sustain: holds the channel's notes until it comes up; it is down from 64 on"),
    ("CC 66", "sostenuto: holds the notes whose keys are down when it comes down"),
    ("program change", "`/preset`, counted from 0; a bank (CC 0, CC 32) counts 128 presets"),
    ("CC 120", "silence: `/panic`"),
    ("CC 121", "resets what the channel has moved: bend, pressure, pedals, CC 1, CC 11"),
    ("CC 123 to 127", "releases all notes of the channel, also those that a pedal holds"),
    ("RPN 0", "the range of the pitch bend, in semitones and cents"),
    ("RPN 6", "on channel 1 or 16: how many channels the MPE zone has, 0 closes it"),
    ("stop", "releases all notes of the port"),
    ("start, continue", "nothing, unless bound"),
)
"""All messages, for the reference page."""

MPE: tuple[tuple[str, str], ...] = (
    ("pitch bend", "x, from where finger 1 was when the note began: 48 semitones are the pad"),
    ("CC 74", "y"),
    ("pressure", "the level, as a velocity of that value has it"),
    ("velocity", "the level of the attack"),
    ("bend of the master channel", "bends all notes of the zone"),
    ("pressure of the master channel", "raises all notes of the zone by up to 12 dB"),
    ("sustain, sostenuto of the master channel", "hold all notes of the zone"),
)
"""What the messages of a member channel, and of its master, do."""
