"""What the shape of a foreign model does not show: asked for, or reported as a missing option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import typer

from latentpad.models.importing.layout import (
    ORIENTATIONS,
    PARTS,
    SCALES,
    Foreign,
    ForeignError,
    fitting,
    layout,
)
from latentpad.models.representation import GAMMA

RATE = 22050  # Hz, the default of the question
Pair = tuple[float, float]


@dataclass(frozen=True)
class ImportOptions:
    """The options of the command line; None if not given."""

    rate: int | None = None
    n_fft: int | None = None
    hop: int | None = None
    window: str | None = None
    orientation: str | None = None
    scale: str | None = None
    values: Pair | None = None
    levels: Pair | None = None
    parts: str | None = None
    dropped: str | None = None

    @property
    def foreign(self) -> Foreign:
        """The description of the model, with defaults for missing options. Raises ForeignError."""
        first = {name.split()[0]: name for name in ORIENTATIONS}
        if self.orientation is not None and self.orientation not in first:
            raise ForeignError(f"--orientation {self.orientation!r} is neither frequency nor time")
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        given = {
            k: v for k, v in given.items() if v is not None and k not in ("rate", "orientation")
        }
        orientation = first[self.orientation] if self.orientation is not None else None
        return Foreign(self.rate or RATE, orientation=orientation, **given)


def check_complete(options: ImportOptions, shape: tuple[Any, ...]) -> ImportOptions:
    """Return `options` if they are complete. Raises ForeignError."""
    layout(shape, options.foreign)
    missing = ["--rate"] if options.rate is None else []
    missing += ["--hop"] if options.hop is None else []
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ForeignError(
            f"{' and '.join(missing)} {verb} missing: the shape {shape} does not tell "
            f"{'it' if len(missing) == 1 else 'them'}"
        )
    return options


def ask_missing(options: ImportOptions, shape: tuple[Any, ...]) -> ImportOptions:
    """Ask for the missing options. Raises ForeignError if no layout fits the shape."""
    if options.parts is None and shape[2:] == (2,):
        chosen = _ask("What its two channels are", PARTS[1], _one_of(PARTS[1:]))
        options = replace(options, parts=chosen)
    fits = fitting(shape, options.parts or PARTS[0], options.n_fft)
    if options.orientation is None and len(fits) == 2:
        likely = "frequency" if shape[0] >= shape[1] else "time"
        what = f"What comes first in {shape}, frequency or time"
        options = replace(options, orientation=_ask(what, likely, _one_of(("frequency", "time"))))
    n_fft = layout(shape, replace(options, hop=None).foreign).representation.n_fft
    if options.rate is None:
        rate = _ask(
            "Sample rate of its sounds, Hz", str(RATE), _setting(options, shape, "rate", int)
        )
        options = replace(options, rate=rate)
    if options.hop is None:
        what = f"Samples from frame to frame (n_fft is {n_fft})"
        hop = _ask(what, str(n_fft // 4), _setting(options, shape, "hop", int))
        options = replace(options, hop=hop)
    if options.window is None:
        options = replace(options, window=_ask("Analysis window", "hann", _one_of(tuple(GAMMA))))
    if options.scale is None:
        options = replace(options, scale=_ask("What its numbers are", "db", _one_of(SCALES)))
    if options.values is None:
        pair = _setting(options, shape, "values", _pair)
        options = replace(options, values=_ask("Its lowest and highest value", "0 1", pair))
    if options.levels is None and options.scale == "db":
        pair = _setting(options, shape, "levels", _pair)
        options = replace(options, levels=_ask("dB of those two values", "-100 0", pair))
    r = layout(shape, options.foreign).representation
    typer.echo(f"{r.frames} frames of {r.hop} samples at {r.sample_rate} Hz: {r.seconds:.3f} s")
    return options


def _ask(question: str, default: str, parse: Callable[[str], Any]) -> Any:
    """Ask until the answer can be parsed. An empty line means `default`."""
    return typer.prompt(question, default=default, value_proc=parse)


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        matches = [n for n in names if n.startswith(text.strip().lower())]
        if text.strip().lower() in names:
            return text.strip().lower()
        if len(matches) != 1:
            raise typer.BadParameter(f"answer one of {', '.join(names)}")
        return matches[0]

    return parse


def _setting(
    options: ImportOptions, shape: tuple[Any, ...], field: str, read: Callable[[str], Any]
) -> Callable[[str], Any]:
    """A parser of answers that checks them against the other options."""

    def parse(text: str) -> Any:
        try:
            value = read(text)
            layout(shape, replace(options, **{field: value}).foreign)
        except ForeignError as error:
            raise typer.BadParameter(str(error)) from None
        except ValueError:
            kind = "two numbers, as 0 1" if read is _pair else "a whole number"
            raise typer.BadParameter(f"answer {kind}") from None
        return value

    return parse


def _pair(text: str) -> Pair:
    low, high = (float(word) for word in text.replace(",", " ").replace("...", " ").split())
    return low, high
