"""The bank: the factory's presets and the user's own, by name and by number."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, TypeVar

import tomli_w

from latentpad.engine import atomic_file
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.packs import reference
from latentpad.models.text import line
from latentpad.presets import names as files
from latentpad.presets.names import FACTORY, listed
from latentpad.presets.preset import ROWS, Preset, PresetError, read, saved_values

Values = Iterable[tuple[str, tuple[Argument, ...]]]
"""Rows and their values, as `Instrument.values` gives them."""

MOST_OWN = 1000  # presets
MOST_SAVES, EACH_S = 64, 0.25  # saves in a burst, and then one per EACH_S
MOST_BYTES = 240  # of a name: file systems take 255 with its ending

P = TypeVar("P", bound="Named")

RESERVED = ("save", "next", "prev")  # names that follow /preset/ in addresses


class PresetBank:
    """The presets of `factory`, then those of `user` by name.

    Factory presets are numbered from 0 in the order of their files (`00-walk.toml` is `walk`). A
    user's preset replaces a factory preset of the same name. Files are read on demand and cached
    until they change. Any thread may call.
    """

    def __init__(self, factory: Path = FACTORY, user: Path | None = None) -> None:
        self.factory = factory
        self.user = user or files.user_folder()
        self._factory = files.factory_presets(factory)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[int, Preset]] = {}

    def names(self) -> list[str]:
        """The names; the index of a name is its number."""
        return list(self._paths())

    def load(self, name_or_number: str | int) -> Preset:
        """The preset of a number, a name, or a path that ends in `.toml`. Raises `PresetError`."""
        paths = self._paths()
        if isinstance(name_or_number, str) and name_or_number.casefold().endswith(".toml"):
            return self._cached(Path(name_or_number))
        if isinstance(name_or_number, int) or (
            name_or_number.isdecimal() and len(name_or_number) < 10
        ):
            names = list(paths)
            number = int(name_or_number)
            if not 0 <= number < len(names):
                raise PresetError(f"there is no preset {number}; there are {listed(names)}")
            return self._cached(Path(paths[names[number]]))
        match = {_key(name): path for name, path in paths.items()}.get(_key(name_or_number))
        if match is None:
            near = (
                get_close_matches(_key(name_or_number), paths, 1)
                if len(name_or_number) < 65
                else []
            )
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PresetError(
                f"there is no preset {line(name_or_number)!r}{hint}; there are {listed(paths)}"
            )
        return self._cached(Path(match))

    def named(self, name_or_number: str | int) -> str:
        """The name of an existing preset, given by number or name; the absolute path of a file."""
        if isinstance(name_or_number, str) and name_or_number.casefold().endswith(".toml"):
            return str(Path(name_or_number).absolute())
        names = self.names()
        if isinstance(name_or_number, int) or name_or_number.isdecimal():
            return names[int(name_or_number)]
        return next((name for name in names if _key(name) == _key(name_or_number)), name_or_number)

    def save(self, name: str, values: Values, pack: str, fingerprint: str = "") -> Path:
        """Save an instrument's `values` as the user's preset `name`. Raises `PresetError`.

        `pack` is its pack as `models.packs.reference` names it.
        """
        name = unicodedata.normalize("NFC", name)
        valid = re.fullmatch(r"\w[\w -]{0,63}", name) and name == name.strip()
        if (
            not valid
            or len(name.encode()) > MOST_BYTES
            or name.isdecimal()
            or _key(name) in RESERVED
        ):
            raise PresetError(
                f"{line(name)!r} cannot name a preset; use letters, digits, spaces, - and _, "
                f"at most 64, not only digits, and not {' or '.join(RESERVED)}"
            )
        table = {
            "title": name,
            "description": "saved while playing",
            "pack": reference.written(pack, self.user),
            **({"fingerprint": fingerprint} if fingerprint else {}),
            "values": saved_values(values),
        }
        try:
            self.user.mkdir(parents=True, exist_ok=True)
            own = {_key(other): path for other, path in files.own_presets(self.user).items()}
            path = Path(own.get(_key(name), self.user / f"{name}.toml"))
            if len(own) >= MOST_OWN and _key(name) not in own:
                raise PresetError(
                    f"{self.user} holds {len(own)} presets, which is the most; remove some first"
                )
            with self._lock:
                atomic_file.replace(path, tomli_w.dumps(table).encode())
                self._read.pop(path, None)  # two saves may have the same time stamp
        except OSError as error:
            raise PresetError(f"{self.user / name}: {error.strerror}; nothing was saved") from None
        return path

    def _paths(self) -> dict[str, str]:
        return self._factory | files.own_presets(self.user)

    def _cached(self, path: Path) -> Preset:
        with self._lock:
            try:
                changed = path.stat().st_mtime_ns
            except (OSError, ValueError) as error:  # ValueError: a NUL in the name
                what = error.strerror if isinstance(error, OSError) else "no file has such a name"
                raise PresetError(f"{path}: {what}; check the path") from None
            if path not in self._read or self._read[path][0] != changed:
                self._read[path] = changed, read(path)
            return self._read[path][1]


def _key(name: str) -> str:
    """A name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name).casefold()


class Named(Protocol):
    """A pack as `models.packs.reference` names it."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


class Packs(Protocol[P]):
    """The packs that an instrument can play (`engine.control.pack_command`)."""

    @property
    def played(self) -> P:
        """The pack that is heard."""

    @property
    def wanted(self) -> P:
        """The pack that is heard, or that is being loaded for it."""

    def load(self, name: str) -> P:
        """Read a pack. Raises `CommandError`."""

    def play(self, played: P, command: str, sender: Sender, then: Callable[[], None]) -> None:
        """Play it as soon as it is loaded, at once if it is played already, and call `then`."""


def install(
    instrument: Instrument,
    bank: PresetBank,
    packs: Packs[P],
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """Register `/preset` and `/preset/save`.

    A preset of another pack is loaded with its pack; if there is no such pack, it is played on the
    present one. `tell` is called with a line for the performer when a preset was loaded or saved,
    and once if a preset names something that its pack does not have. It may not wait.
    """
    rate_limit = RateLimit(MOST_SAVES, EACH_S, time.monotonic)
    notes: set[str] = set()  # printed already: a preset may come at every beat

    def load(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        preset, pack = _requested(bank, args), packs.wanted
        if not preset.made_for(pack.name, pack.fingerprint):
            with suppress(CommandError):
                pack = packs.load(preset.pack)
        yield

        def recall_preset() -> None:
            left = recall(instrument, preset, pack.name, pack.fingerprint)
            note = left_out(preset, left, pack.name, pack.fingerprint)
            tell(f"preset {line(preset.title)}")
            if note and note not in notes:
                notes.add(note)
                tell(note)

        packs.play(pack, "/preset", sender, recall_preset)

    def save(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/preset/save takes a name")
        yield
        if not rate_limit.take():
            raise CommandError(
                f"/preset/save: not saved: {MOST_SAVES} presets were saved within moments; wait a "
                "second and save again"
            )
        values, pack = list(instrument.values()), packs.played
        yield
        try:
            path = bank.save(args[0], values, pack.name, pack.fingerprint)
        except PresetError as error:
            raise CommandError(f"/preset/save: not saved: {error}") from None
        tell(f"preset {line(args[0])} saved: {path}")

    instrument.register_stages("/preset", load)
    instrument.register_stages("/preset/save", save)


def _requested(bank: PresetBank, args: Sequence[Argument]) -> Preset:
    """The preset that `/preset` requests. Raises `CommandError`."""
    if len(args) != 1:
        raise CommandError(f"/preset takes a name or a number, got {len(args)} arguments")
    name_or_number = args[0]
    if isinstance(name_or_number, bool) or (
        isinstance(name_or_number, float) and not name_or_number.is_integer()
    ):
        raise CommandError(f"/preset: {name_or_number} is no preset's number")
    if isinstance(name_or_number, float):
        name_or_number = int(name_or_number)
    if (
        isinstance(name_or_number, str)
        and name_or_number not in bank.names()
        and re.search(r"[/\\.]", name_or_number)
    ):
        raise CommandError("/preset takes a name or a number; files are for `latentpad play`")
    try:
        return bank.load(name_or_number)
    except PresetError as error:
        raise CommandError(f"/preset: {error}") from None


def recall(instrument: Instrument, preset: Preset, pack: str, fingerprint: str = "") -> list[str]:
    """Set all parameters to those of `preset`, in one change, on whatever pack is played.

    The sender is `NOBODY`, so that all controls get the values. Returns the addresses that were
    left out because they belong to another pack: planes and axes that this pack does not have,
    latents and anchors by their numbers.
    """
    addresses: list[str] = []
    if not preset.made_for(pack, fingerprint):
        preset, addresses = preset.for_any_pack()
    refused = [str(error) for error in instrument.apply_all(preset.commands(), NOBODY)]
    for address in preset.values:
        if any(error.startswith(address + ":") for error in refused):
            addresses.append(address)
            instrument.apply(address, ROWS[address].show(ROWS[address].default), NOBODY)
    return addresses


def left_out(
    preset: Preset,
    addresses: Sequence[str],
    pack: str,
    fingerprint: str = "",
    *,
    chosen: bool = False,
) -> str:
    """A line for the performer about what `recall` left out; empty if there is nothing to say.

    It names the preset's pack too, unless the pack was `chosen` by the user.
    """
    parts = []
    if not preset.made_for(pack, fingerprint):
        if addresses or not chosen:
            parts.append(f"made for the pack {Path(preset.pack).name}, playing {Path(pack).name}")
    elif preset.fingerprint and preset.fingerprint != fingerprint:
        parts.append("the pack has another model than when it was saved")
    if addresses:
        values = ", ".join(
            f"{address} {_value_text(preset.values[address])}" for address in addresses
        )
        parts.append(f"left out, for this pack has no such thing: {values}")
    return f"note   preset {preset.title}: {'; '.join(parts)}" if parts else ""


def _value_text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
