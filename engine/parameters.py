"""The parameter table: one row for each parameter that a performer can change.

OSC addresses, MIDI-learn targets, preset fields and the reference page are made from this table.
Values are floats on the board (`engine.board`): switches are 0 or 1, choices are indices into the
row's own tuple.
"""

from __future__ import annotations

from latentpad.engine import expander_declarations, phase_methods
from latentpad.engine.parameter import (
    AUTO,
    EXPONENTIAL,
    LATENT_MAX,
    Affects,
    Parameter,
    choice,
    number,
    seconds,
    switch,
)
from latentpad.models.audio.descriptors import NAMES as DESCRIPTORS

FINGERS = 10
"""Each of the fingers 1...10 has a point, a level, a pan and a pitch."""

VOICES = 16
"""Voices: the sounds of fingers and notes that can be heard at once."""

BLENDED = 8
"""The anchors whose recordings a sound has some of, at most: each costs time at every decode."""

PLANES = ("raw", "principal", "map", "umap", "learned", "descriptors")
EXPANDERS = expander_declarations.NAMES
METRICS = ("euclidean", "mahalanobis", "cosine")
MODES = ("loop", "shot", "original")
PHASES = phase_methods.NAMES

AUTO_PLANE = "auto"
"""The choice of `/plane` that takes the pack's default plane."""

TABLE: tuple[Parameter, ...] = (
    # from the finger to the latent vector
    choice(
        "/plane",
        (*PLANES, AUTO_PLANE),
        AUTO_PLANE,
        "what the pad's two axes are; auto: the pack's default plane",
        affects=Affects.ABORT_FIT,
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
        affects=Affects.ABORT_FIT,
        of_pack=True,
    ),
    choice(
        "/expander",
        EXPANDERS,
        "dwell",
        "how the latents are found for a point on the pad",
        affects=Affects.ABORT_FIT,
    ),
    choice(
        "/metric",
        METRICS,
        "euclidean",
        "how distance on the plane is measured",
        affects=Affects.ABORT_FIT,
    ),
    switch(
        "/guard",
        True,
        "stay within what the pack has learned: the anchors' ellipsoid",
        affects=Affects.FIT,
    ),
    number(
        "/focus",
        24,
        1,
        256,
        "anchors",
        "neighbours that `dwell`, `local` and `rbf` use, or anchors that `lattice` mixes",
        kind="int",
        curve=EXPONENTIAL,
        affects=Affects.FIT,
    ),
    number(
        "/multilateration/scale",
        1,
        0,
        16,
        "",
        "how pad distances count against latent distances in `multilateration`",
        curve=EXPONENTIAL,
        affects=Affects.FIT,
    ),
    number(
        "/lattice/base",
        0,
        0,
        1e9,
        "anchor",
        "the anchor that `lattice` starts from",
        kind="int",
        affects=Affects.FIT,
        of_pack=True,
    ),
    seconds("/smooth", 0.02, 0, 5, "time the point takes to reach the finger"),
    # how sounds are played
    choice("/mode", MODES, "loop", "a sustained loop, a one-shot, or the nearest anchor's shot"),
    number(
        "/shot/distance",
        0.1,
        0,
        1,
        "pad widths",
        "distance between two shots of a drag, on a pad that reports no touches; 0 none",
    ),
    seconds(
        "/shot/time",
        0,
        0,
        5,
        "time between two shots of a drag, on a pad that reports no touches; 0 none",
    ),
    seconds(
        "/shot/rest",
        0.08,
        0,
        2,
        "pause after which a move starts a shot, on a pad that reports no touches; 0 none does",
    ),
    number(
        "/loop/speed",
        1,
        -4,
        4,
        "frames/frame",
        "playhead speed; 0 freezes",
        smoothing=0.02,
        detents=(0, 1),
    ),
    switch("/loop/freeze", False, "hold the frame under the playhead as a drone"),
    number("/loop/start", 0, 0, 1, "", "where the loop begins: 0 the sound's beginning, 1 its end"),
    number("/loop/end", 1, 0, 1, "", "where the loop ends, on the same scale"),
    seconds(
        "/loop/shortest",
        0,
        0,
        1,
        "least length of the loop, as far as the sound is as long; 0: a frame, which is a tone",
    ),
    number(
        "/loop/fade",
        0,
        0,
        0.5,
        "",
        "share of the loop over which its end fades into its beginning; 0: some ms",
    ),
    number(
        "/loop/jitter",
        0,
        0,
        1,
        "",
        "how far into the loop, at random, each round begins, so that no period is heard",
    ),
    number(
        "/loop/even",
        0,
        0,
        1,
        "",
        "how much the level is evened within the loop: 0 the sound's own, 1 all frames alike",
        smoothing=0.05,
    ),
    seconds("/morph", 0.03, 0, 5, "time in which a sound turns into the next one"),
    number("/texture", 0, 0, 1, "", "from the plain sound (0) to shaped noise (1)", smoothing=0.02),
    number(
        "/texture/learned",
        1,
        0,
        1,
        "",
        "how much of the noise that the model tells by band and time, 0 none",
        smoothing=0.02,
    ),
    number("/grain", 0, 0, 1, "", "what the model misses of recordings", affects=Affects.DECODE),
    choice(
        "/phase",
        PHASES,
        "rtpghi",
        "phase reconstruction; the Griffin-Lims serve shots only",
        affects=Affects.DECODE,
    ),
    number(
        "/lookahead",
        1,
        0,
        2,
        "frames",
        "frames the phase looks ahead in the decoded sound",
        kind="int",
    ),
    seconds("/attack", 0, 0, 5, "fade in of a voice"),
    seconds("/release", 0.25, 0.005, 10, "fade out of a voice that is released"),
    number("/pitch", 0, -36, 36, "semitones", "transposition of every voice", smoothing=0.01),
    number("/pan", 0, -1, 1, "", "pan of every voice, left to right", smoothing=0.02),
    number(
        "/dynamics",
        0,
        0,
        1,
        "",
        "0: levels evened over the plane; 1: the recordings' own levels",
        smoothing=0.05,
    ),
    switch("/note/track", True, "notes transpose by pitch - 60 semitones", at_note=True),
    number("/note/velocity", 1, 0, 1, "", "how much velocity sets the level", at_note=True),
    seconds(
        "/note/timeout",
        60,
        0,
        3600,
        "release a note or finger when its OSC sender was silent for this long; 0 never",
        in_presets=False,
    ),
    seconds(
        "/snapshot/glide",
        0,
        0,
        60,
        "length of the glide to a snapshot that is recalled without one; no snapshot holds it",
        in_presets=False,
    ),
    # the output
    number("/gain", -12, -60, 12, "dB", "output level", smoothing=0.02, in_presets=False),
    number(
        "/level",
        0,
        -24,
        24,
        "dB",
        "the preset's level, added to `/gain`, so that all presets are equally loud",
        smoothing=0.02,
    ),
    number(
        "/expression", 1, 0, 1, "", "a pedal: 0 silence, 1 full", smoothing=0.02, in_presets=False
    ),
    number("/ceiling", -1, -24, 0, "dBFS", "limiter ceiling", in_presets=False),
    # one row for every finger
    number(
        "/pad/{n}/xy",
        (0.5, 0.5),
        0,
        1,
        "",
        "the finger's point, x right and y up",
        in_presets=False,
    ),
    number("/pad/{n}/level", 0, -60, 12, "dB", "the finger's level", smoothing=0.02),
    number("/pad/{n}/pan", 0, -1, 1, "", "the finger's pan", smoothing=0.02),
    number("/pad/{n}/pitch", 0, -36, 36, "semitones", "the finger's transposition", smoothing=0.01),
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
"""The index of each global row's first value in the board's `values`."""

VALUES = sum(row.size for row in GLOBAL)


def defaults() -> list[float]:
    """The defaults of all global rows, in board order."""
    return [value for row in GLOBAL for value in row.default]
