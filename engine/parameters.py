"""The parameter table: one row for each thing a performer can steer.

OSC addresses, MIDI-learn targets, preset fields and the reference page are read off this
table; adding a parameter is adding a row. Values are floats on the board (`engine.board`):
switches are 0 or 1, choices are indices into the row's own tuple.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentpad.engine import expander_declarations, phase_methods
from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.models.audio.descriptors import NAMES as DESCRIPTORS

FINGERS = 10
"""Fingers 1...10 each have a point, a level, a pan and a pitch of their own."""

VOICES = 16
"""Sounds that can be heard at once, fingers and notes together."""

LATENT_MAX = 64
"""Largest latent vector that fits on the board."""

PLANES = ("raw", "principal", "map", "umap", "learned", "descriptors")
EXPANDERS = expander_declarations.NAMES
METRICS = ("euclidean", "mahalanobis", "cosine")
MODES = ("loop", "shot", "original")
PHASES = phase_methods.NAMES

OWN = "auto"
"""The plane when it is left to the pack."""

AUTO = -1
"""An axis that is left to the plane."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the table.

    `address` is the OSC address; rows with `{n}` exist once for every finger. `size` numbers
    travel together in one message. `smoothing` is the time constant (s) with which the sound
    follows a change of the value, so that no control can click; 0 means at once.
    """

    address: str
    kind: str  # "float", "int", "switch", "choice" or "axis"
    default: tuple[float, ...]
    low: float
    high: float
    unit: str
    help: str
    smoothing: float = 0.0
    choices: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.default)

    @property
    def per_finger(self) -> bool:
        return "{n}" in self.address

    def parse(self, args: Sequence[Argument]) -> tuple[float, ...]:
        """The message's arguments as board values: typed, finite, clamped to the range.

        Integers are taken for floats and back; a choice is given by name or index. Raises
        An axis is a latent's number, a descriptor's name (after the latents on the board), or
        auto. Raises `CommandError` for a wrong count or type, NaN, infinity or an unknown name.
        """
        if len(args) != self.size:
            raise CommandError(f"{self.address} takes {self.size} argument(s), got {len(args)}")
        return tuple(self._parse_one(argument) for argument in args)

    def _parse_one(self, argument: Argument) -> float:
        if self.choices and isinstance(argument, str):
            try:
                place = self.choices.index(argument)
                if self.kind == "axis":
                    place = LATENT_MAX + place - 1 if place else AUTO
                return float(place)
            except ValueError:
                known = ", ".join(self.choices)
                raise CommandError(f"{self.address}: {argument!r} is none of {known}") from None
        value = min(max(finite(self.address, argument), self.low), self.high)
        if self.kind == "switch":
            return 1.0 if value >= 0.5 else 0.0
        return value if self.kind == "float" else float(round(value))

    def show(self, values: Sequence[float]) -> tuple[Argument, ...]:
        """Board values as the arguments of a message, the inverse of `parse`."""
        if self.kind == "choice":
            return tuple(self.choices[int(v)] for v in values)
        if self.kind == "axis":
            return tuple(self._axis(int(v)) for v in values)
        if self.kind == "float":
            return tuple(float(v) for v in values)
        return tuple(int(v) for v in values)

    def _axis(self, value: int) -> Argument:
        return value if 0 <= value < LATENT_MAX else self.choices[max(value - LATENT_MAX, -1) + 1]


def _row(
    address: str,
    default: float | tuple[float, ...],
    low: float,
    high: float,
    unit: str,
    help: str,
    *,
    kind: str = "float",
    smoothing: float = 0.0,
) -> Parameter:
    values = default if isinstance(default, tuple) else (float(default),)
    return Parameter(address, kind, values, low, high, unit, help, smoothing)


def _switch(address: str, default: bool, help: str) -> Parameter:
    return Parameter(address, "switch", (float(default),), 0, 1, "", help)


def _choice(address: str, choices: tuple[str, ...], default: str, help: str) -> Parameter:
    index = float(choices.index(default))
    return Parameter(address, "choice", (index,), 0, len(choices) - 1, "", help, choices=choices)


TABLE: tuple[Parameter, ...] = (
    # the way from the finger to the latent vector
    _choice(
        "/plane",
        (*PLANES, OWN),
        OWN,
        "what the pad's two axes are; auto: the plane that the pack begins on",
    ),
    Parameter(
        "/axes",
        "axis",
        (AUTO, AUTO),
        AUTO,
        LATENT_MAX + len(DESCRIPTORS) - 1,
        "",
        "the two latents of the raw plane, or the two descriptors of theirs; x first; auto: the "
        "most informative latents, or brightness and hardness",
        choices=("auto", *DESCRIPTORS),
    ),
    _choice("/expander", EXPANDERS, "dwell", "how the latents are found for a point on the pad"),
    _choice("/metric", METRICS, "euclidean", "how the expander measures distance on the plane"),
    _switch("/guard", True, "keep to what the pack has learned: the anchors' ellipsoid"),
    _row(
        "/focus",
        24,
        1,
        256,
        "anchors",
        "sounds around the point that `dwell`, `local` and `rbf` hear, or that `lattice` mixes",
        kind="int",
    ),
    _row(
        "/multilateration/scale",
        1,
        0,
        16,
        "",
        "how pad distances count against latent distances in `multilateration`",
    ),
    _row("/lattice/base", 0, 0, 1e9, "anchor", "the anchor that `lattice` starts from", kind="int"),
    _row("/smooth", 0.02, 0, 5, "s", "time the point takes to reach the finger"),
    # what is played, and how
    _choice("/mode", MODES, "loop", "a sustained loop, a one-shot, or the nearest anchor's shot"),
    _row(
        "/shot/distance",
        0.1,
        0,
        1,
        "pad widths",
        "way from one shot of a drag to the next, from a pad that tells no touches; 0 none",
    ),
    _row(
        "/shot/time",
        0,
        0,
        5,
        "s",
        "time from one shot of a drag to the next, from a pad that tells no touches; 0 none",
    ),
    _row(
        "/shot/rest",
        0.08,
        0,
        2,
        "s",
        "pause after which a move starts a shot, from a pad that tells no touches; 0 none does",
    ),
    _row("/loop/speed", 1, -4, 4, "frames/frame", "playhead speed; 0 freezes", smoothing=0.02),
    _switch("/loop/freeze", False, "hold the frame under the playhead as a drone"),
    _row("/loop/start", 0, 0, 1, "", "where the loop begins: 0 the sound's beginning, 1 its end"),
    _row("/loop/end", 1, 0, 1, "", "where the loop ends, on the same scale"),
    _row("/morph", 0.03, 0, 5, "s", "time in which a sound turns into the next one"),
    _row("/texture", 0, 0, 1, "", "from the plain sound (0) to shaped noise (1)", smoothing=0.02),
    _choice("/phase", PHASES, "rtpghi", "phase reconstruction; the Griffin-Lims serve shots only"),
    _row(
        "/lookahead",
        1,
        0,
        2,
        "frames",
        "frames the phase looks ahead in the decoded sound",
        kind="int",
    ),
    _row("/attack", 0, 0, 5, "s", "fade in of a voice"),
    _row("/release", 0.25, 0.005, 10, "s", "fade out of a voice that is let go"),
    _row("/pitch", 0, -36, 36, "semitones", "transposition of every voice", smoothing=0.01),
    _row("/pan", 0, -1, 1, "", "pan of every voice, left to right", smoothing=0.02),
    _row(
        "/dynamics",
        0,
        0,
        1,
        "",
        "0: levels evened over the plane; 1: the recordings' own levels",
        smoothing=0.05,
    ),
    _switch("/note/track", True, "notes transpose by pitch - 60 semitones"),
    _row("/note/velocity", 1, 0, 1, "", "how much velocity sets the level"),
    _row(
        "/note/timeout",
        60,
        0,
        3600,
        "s",
        "let a note or finger go when its OSC sender was silent for so long; 0 never",
    ),
    # the way out
    _row("/gain", -12, -60, 12, "dB", "output level", smoothing=0.02),
    _row(
        "/level",
        0,
        -24,
        24,
        "dB",
        "the preset's own level beside `/gain`, by which presets are as loud as one another",
        smoothing=0.02,
    ),
    _row("/ceiling", -1, -24, 0, "dBFS", "limiter ceiling"),
    # one of each for every finger
    _row("/pad/{n}/xy", (0.5, 0.5), 0, 1, "", "the finger's point, x right and y up"),
    _row("/pad/{n}/level", 0, -60, 12, "dB", "the finger's level", smoothing=0.02),
    _row("/pad/{n}/pan", 0, -1, 1, "", "the finger's pan", smoothing=0.02),
    _row("/pad/{n}/pitch", 0, -36, 36, "semitones", "the finger's transposition", smoothing=0.01),
)

GLOBAL: tuple[Parameter, ...] = tuple(row for row in TABLE if not row.per_finger)
FINGER: tuple[Parameter, ...] = tuple(row for row in TABLE if row.per_finger)

ROW: dict[str, Parameter] = {row.address: row for row in TABLE}
"""Rows by address, finger rows under their `{n}` template."""


def _offsets() -> dict[str, int]:
    offsets, position = {}, 0
    for row in GLOBAL:
        offsets[row.address] = position
        position += row.size
    return offsets


OFFSET: dict[str, int] = _offsets()
"""Where each global row's first value stands in the board's `values`."""

VALUES = sum(row.size for row in GLOBAL)


def defaults() -> list[float]:
    """Every global row's default, in board order."""
    return [value for row in GLOBAL for value in row.default]
