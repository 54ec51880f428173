"""What its shape does not tell of a foreign model: asked for, or missed by its name."""

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

RATE = 22050  # Hz, what is offered
Pair = tuple[float, float]


@dataclass(frozen=True)
class ImportOptions:
    """The options as they were given; None was not."""

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
        """With the usual for what was not said. Raises ForeignError."""
        first = {name.split()[0]: name for name in ORIENTATIONS}
        if self.orientation is not None and self.orientation not in first:
            raise ForeignError(f"--orientation {self.orientation!r} is neither frequency nor time")
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        said = {k: v for k, v in said.items() if v is not None and k not in ("rate", "orientation")}
        where = first[self.orientation] if self.orientation is not None else None
        return Foreign(self.rate or RATE, orientation=where, **said)


def check_complete(said: ImportOptions, shape: tuple[Any, ...]) -> ImportOptions:
    """What was said, if nothing is missing that only a person knows. Raises ForeignError."""
    layout(shape, said.foreign)
    missing = ["--rate"] if said.rate is None else []
    missing += ["--hop"] if said.hop is None else []
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ForeignError(
            f"{' and '.join(missing)} {verb} missing: the shape {shape} does not tell "
            f"{'it' if len(missing) == 1 else 'them'}"
        )
    return said


def ask_missing(said: ImportOptions, shape: tuple[Any, ...]) -> ImportOptions:
    """What was said and, on the terminal, asked for. Raises ForeignError if nothing can fit."""
    if said.parts is None and shape[2:] == (2,):
        chosen = _ask("What its two channels are", PARTS[1], _one_of(PARTS[1:]))
        said = replace(said, parts=chosen)
    fits = fitting(shape, said.parts or PARTS[0], said.n_fft)
    if said.orientation is None and len(fits) == 2:
        likely = "frequency" if shape[0] >= shape[1] else "time"
        what = f"What comes first in {shape}, frequency or time"
        said = replace(said, orientation=_ask(what, likely, _one_of(("frequency", "time"))))
    n_fft = layout(shape, replace(said, hop=None).foreign).representation.n_fft
    if said.rate is None:
        rate = _ask("Sample rate of its sounds, Hz", str(RATE), _setting(said, shape, "rate", int))
        said = replace(said, rate=rate)
    if said.hop is None:
        what = f"Samples from frame to frame (n_fft is {n_fft})"
        hop = _ask(what, str(n_fft // 4), _setting(said, shape, "hop", int))
        said = replace(said, hop=hop)
    if said.window is None:
        said = replace(said, window=_ask("Analysis window", "hann", _one_of(tuple(GAMMA))))
    if said.scale is None:
        said = replace(said, scale=_ask("What its numbers are", "db", _one_of(SCALES)))
    if said.values is None:
        pair = _setting(said, shape, "values", _pair)
        said = replace(said, values=_ask("Its lowest and highest value", "0 1", pair))
    if said.levels is None and said.scale == "db":
        pair = _setting(said, shape, "levels", _pair)
        said = replace(said, levels=_ask("dB of those two values", "-100 0", pair))
    r = layout(shape, said.foreign).representation
    typer.echo(f"{r.frames} frames of {r.hop} samples at {r.sample_rate} Hz: {r.seconds:.3f} s")
    return said


def _ask(question: str, usual: str, parse: Callable[[str], Any]) -> Any:
    """Until the answer is one; an empty line is `usual`."""
    return typer.prompt(question, default=usual, value_proc=parse)


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        found = [n for n in names if n.startswith(text.strip().lower())]
        if text.strip().lower() in names:
            return text.strip().lower()
        if len(found) != 1:
            raise typer.BadParameter(f"answer one of {', '.join(names)}")
        return found[0]

    return parse


def _setting(
    said: ImportOptions, shape: tuple[Any, ...], field: str, read: Callable[[str], Any]
) -> Callable[[str], Any]:
    """An answer that fits all that was said before."""

    def parse(text: str) -> Any:
        try:
            value = read(text)
            layout(shape, replace(said, **{field: value}).foreign)
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
