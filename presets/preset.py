"""The preset: a TOML file with the values of the parameters.

    title = "Walk"
    pack = "footsteps"

    [values]
    "/mode" = "loop"
    "/pad/1/pitch" = -12

The addresses and their ranges are those of the parameter table. A pack of your own is named by its
path relative to the preset's file (pack = "../mypack"), with its fingerprint
(models.packs.reference).
"""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.parameters import FINGERS, TABLE, Parameter
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded, toml
from latentpad.models.packs import reference
from latentpad.models.text import LONGEST, line

MOST_BYTES = 1 << 20
MOST_INT = 1 << 63  # TOML's own limit

ROWS: dict[str, Parameter] = {
    row.address.format(n=n): row
    for row in TABLE
    for n in range(1, FINGERS + 1 if row.per_finger else 2)
}
"""Every address that a preset may name."""

PERFORMERS = frozenset(address for address, row in ROWS.items() if not row.in_presets)
"""Addresses that a preset leaves unchanged unless it names them: the volume, and the fingers'
points."""


class PresetError(LatentpadError, ValueError):
    """A preset that cannot be used: one line with file, line, field and what to do."""


class Preset(BaseModel):
    """The validated contents of a preset file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    pack: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")
    fingerprint: str = Field(default="", max_length=200)
    values: dict[str, Any] = Field(default_factory=dict)

    @field_validator("values")
    @classmethod
    def _within_the_table(cls, values: dict[str, Any]) -> dict[str, Any]:
        for address, value in values.items():
            try:
                check(address, value)
            except CommandError as error:
                raise PydanticCustomError(
                    "table", "{problem}", {"address": address, "problem": str(error)}
                ) from None
        return values

    def made_for(self, pack: str, fingerprint: str) -> bool:
        """Whether its values are meant for this pack, by fingerprint or by name.

        Older files have only the name of the pack's folder.
        """
        if self.fingerprint and self.fingerprint == fingerprint:
            return True
        return self.pack in (pack, Path(pack).name)

    def for_any_pack(self) -> tuple[Preset, list[str]]:
        """The preset without values that only its own pack gives a meaning, and their addresses."""
        left = [
            address
            for address, value in self.values.items()
            if ROWS[address].of_pack
            and not any(isinstance(argument, str) for argument in _arguments(value))
        ]
        values = {address: value for address, value in self.values.items() if address not in left}
        return self.model_copy(update={"values": values}), left

    def commands(self) -> list[tuple[str, tuple[Argument, ...]]]:
        """The commands that recall the preset.

        A parameter that is not named gets its default, except `PERFORMERS`.
        """
        commands = []
        for address, row in ROWS.items():
            if address in self.values:
                commands.append((address, _arguments(self.values[address])))
            elif address not in PERFORMERS:
                commands.append((address, row.show(row.default)))
        return commands


def _arguments(value: Any) -> tuple[Argument, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def check(address: str, value: Any) -> None:
    """Raise `CommandError` unless the row at `address` takes `value` without clamping.

    A value out of range is clamped when it comes from a live control; in a file it is an error.
    """
    row = ROWS.get(address)
    if row is None:
        near = get_close_matches(address[:LONGEST], ROWS, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CommandError(f"there is no such address{hint}")
    args = _arguments(value)
    if len(args) != row.size:
        raise CommandError(f"takes {row.size} value(s), got {len(args)}")
    for argument in args:
        if isinstance(argument, int) and abs(argument) >= MOST_INT:
            raise CommandError("is a number of too many digits")
        shown = _SHOWN.repr(argument)
        if row.kind == "choice" or (row.kind == "axis" and isinstance(argument, str)):
            if argument not in row.choices:
                raise CommandError(f"{shown} is none of {', '.join(row.choices)}")
            continue
        if row.kind == "switch":
            if argument not in (0, 1):
                raise CommandError(f"takes true or false, got {shown}")
            continue
        if isinstance(argument, bool) or not isinstance(argument, float | int):
            raise CommandError(f"takes a number, got {shown}")
        if not row.low <= argument <= row.high:  # NaN is within no range
            span = f"{row.low:g}...{row.high:g} {row.unit}".rstrip()
            raise CommandError(f"{shown} is not within {span}")
        if row.kind in ("int", "axis") and argument != int(argument):
            raise CommandError(f"takes a whole number, got {shown}")


_SHOWN = reprlib.Repr()  # values in a file may be nested deeply or be very long
_SHOWN.maxstring = _SHOWN.maxother = 60


def parse(text: str, name: str) -> Preset:
    """Parse a preset. Raises `PresetError`, with `name` as the name of the file."""
    try:
        table = toml.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(error))
        end = text.count("\n") + 1  # other errors are "at end of document"
        position = f"{match[2]}: column {match[3]}: {match[1]}" if match else f"{end}: {error}"
        raise PresetError(f"{name}:{line(position)}; correct the TOML there") from None
    except ValueError as error:  # for example a number of 5,000 digits, or deep nesting
        raise PresetError(f"{name}: {line(str(error))}; no preset does so") from None
    try:
        return Preset.model_validate(table)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False)
        more = f" (and {len(others)} more)" if others else ""
        raise PresetError(f"{name}:{_explained(text, first)}{more}") from None


def _explained(text: str, error: ErrorDetails) -> str:
    """One of pydantic's errors as `LINE: FIELD: what is wrong; what to do`."""
    field = error["ctx"]["address"] if error["type"] == "table" else str(error["loc"][0])
    number, field = _line_of(text, field), line(field)
    match error["type"]:
        case "missing":
            return f'1: {field} is missing; add {field} = "..." before [values]'
        case "extra_forbidden":
            return (
                f"{number}: {field}: a preset has no such field; move it to [values] or remove it"
            )
        case "table":
            return f"{number}: {field}: {error['msg']}; correct it or remove the line"
    return f"{number}: {field}: {str(error['msg'])[:1].lower()}{str(error['msg'])[1:]}; correct it"


def _line_of(text: str, field: str) -> int:
    """The number of the line that sets `field`, or else names it; tomllib gives no lines."""
    field = field[:LONGEST]
    setting = re.compile(rf"""\s*["']?{re.escape(field)}["']?\s*=|\s*\[+\s*{re.escape(field)}\b""")
    lines = text.splitlines()
    for number, text in enumerate(lines, 1):
        if setting.match(text):
            return number
    return next((number for number, text in enumerate(lines, 1) if field in text), 1)


def read(path: Path) -> Preset:
    """Read a preset file; its pack is a name or an absolute path. Raises `PresetError`."""
    try:
        raw = bounded.read(path, MOST_BYTES)
    except OverflowError as error:
        raise PresetError(f"{path}: {error}; no preset is") from None
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror or error}; check the path") from None
    try:
        preset = parse(raw.decode("utf-8-sig"), str(path))
        if reference.is_path(preset.pack):
            pack = str(reference.resolve_path(preset.pack, path.parent))
            preset = preset.model_copy(update={"pack": pack})
        return preset
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PresetError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def saved_values(values: Iterable[tuple[str, tuple[Argument, ...]]]) -> dict[str, Any]:
    """An instrument's values as a preset has them: those that differ from the defaults."""
    saved: dict[str, Any] = {}
    for address, args in values:
        row = ROWS[address]
        if address not in PERFORMERS and args != row.show(row.default):
            value = bool(args[0]) if row.kind == "switch" else args[0]
            saved[address] = list(args) if row.size > 1 else value
    return saved
