"""The bank: the factory's presets and the performer's own, by name and by number."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

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

Told = Iterable[tuple[str, tuple[Argument, ...]]]
"""Rows and their values, as `Instrument.values` gives them."""

MOST_OWN = 1000  # presets
MOST_SAVES, EACH_S = 64, 0.25  # at once, and then one each
MOST_BYTES = 240  # of a name: file systems take 255 with its ending
RESERVED = ("save", "next", "prev")  # what follows /preset/ in addresses


class PresetBank:
    """The presets of `factory`, numbered from 0 in the order of their files (`00-walk.toml` is
    `walk`), then those of `user` by name. One of `user` stands in for its namesake.

    Files are read when they are asked for and kept until they change. Any thread may call.
    """

    def __init__(self, factory: Path = FACTORY, user: Path | None = None) -> None:
        self.factory = factory
        self.user = user or files.user_folder()
        self._factory = files.factory_presets(factory)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[int, Preset]] = {}

    def names(self) -> list[str]:
        """What there is; a name's place is its number."""
        return list(self._paths())

    def load(self, which: str | int) -> Preset:
        """The preset of that number or name, or in the file of that path (one that ends in
        `.toml`). Raises `PresetError`."""
        paths = self._paths()
        if isinstance(which, str) and which.casefold().endswith(".toml"):
            return self._cached(Path(which))
        if isinstance(which, int) or (which.isdecimal() and len(which) < 10):
            names = list(paths)
            number = int(which)
            if not 0 <= number < len(names):
                raise PresetError(f"there is no preset {number}; there are {listed(names)}")
            return self._cached(Path(paths[names[number]]))
        found = {_key(name): path for name, path in paths.items()}.get(_key(which))
        if found is None:
            near = get_close_matches(_key(which), paths, 1) if len(which) < 65 else []
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PresetError(
                f"there is no preset {line(which)!r}{hint}; there are {listed(paths)}"
            )
        return self._cached(Path(found))

    def named(self, which: str | int) -> str:
        """A preset's name whose number or name this is; a file's absolute path. Of one that is
        there."""
        if isinstance(which, str) and which.casefold().endswith(".toml"):
            return str(Path(which).absolute())
        names = self.names()
        if isinstance(which, int) or which.isdecimal():
            return names[int(which)]
        return next((name for name in names if _key(name) == _key(which)), which)

    def save(self, name: str, values: Told, pack: str, fingerprint: str = "") -> Path:
        """Keep an instrument's `values` as the user's preset `name`, for the pack that
        `models.packs.reference` names and knows so. Raises `PresetError`."""
        name = unicodedata.normalize("NFC", name)
        good = re.fullmatch(r"\w[\w -]{0,63}", name) and name == name.strip()
        if (
            not good
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
                self._read.pop(path, None)  # two saves may lie within one tick of the file's clock
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
    """What names of one preset have in common, however they were typed."""
    return unicodedata.normalize("NFC", name).casefold()


def install(
    instrument: Instrument,
    bank: PresetBank,
    pack: str,
    tell: Callable[[str], None] = lambda line: None,
    fingerprint: str = "",
) -> None:
    """Register `/preset` and `/preset/save` with an instrument that plays `pack`, as
    `models.packs.reference` names it and knows it.

    `tell` gets a line for the performer about what was loaded or saved, and once for what a preset
    asks for and this pack has not.
    """
    allowed = RateLimit(MOST_SAVES, EACH_S, time.monotonic)
    notes: set[str] = set()  # that were told already: a preset may come at every beat

    def load(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        preset = _asked(bank, args)
        yield
        lacking = recall(instrument, preset, pack, fingerprint)
        note = left_out(preset, lacking, pack, fingerprint)
        new = note and note not in notes
        notes.add(note)
        yield
        tell(f"preset {line(preset.title)}")
        if new:
            tell(note)

    def save(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/preset/save takes a name")
        yield
        if not allowed.take():
            raise CommandError(
                f"/preset/save: not saved: {MOST_SAVES} presets were saved within moments; wait a "
                "second and save again"
            )
        values = list(instrument.values())
        yield
        try:
            path = bank.save(args[0], values, pack, fingerprint)
        except PresetError as error:
            raise CommandError(f"/preset/save: not saved: {error}") from None
        tell(f"preset {line(args[0])} saved: {path}")

    instrument.register_stages("/preset", load)
    instrument.register_stages("/preset/save", save)


def _asked(bank: PresetBank, args: Sequence[Argument]) -> Preset:
    """What `/preset` asks for. Raises `CommandError`."""
    if len(args) != 1:
        raise CommandError(f"/preset takes a name or a number, got {len(args)} arguments")
    which = args[0]
    if isinstance(which, bool) or (isinstance(which, float) and not which.is_integer()):
        raise CommandError(f"/preset: {which} is no preset's number")
    if isinstance(which, float):
        which = int(which)
    if isinstance(which, str) and which not in bank.names() and re.search(r"[/\\.]", which):
        raise CommandError("/preset takes a name or a number; files are for `latentpad play`")
    try:
        return bank.load(which)
    except PresetError as error:
        raise CommandError(f"/preset: {error}") from None


def recall(instrument: Instrument, preset: Preset, pack: str, fingerprint: str = "") -> list[str]:
    """Make the instrument sound like `preset`, all of it in one change, on whatever pack it plays.

    Sent as nobody's, so that everyone's controls are told. Returns what was left out, for it is
    of another pack: planes and axes that this one has not, latents and anchors by their numbers.
    """
    left: list[str] = []
    if not preset.made_for(pack, fingerprint):
        preset, left = preset.for_any_pack()
    refused = [str(error) for error in instrument.apply_all(preset.commands(), NOBODY)]
    for address in preset.values:
        if any(error.startswith(address + ":") for error in refused):
            left.append(address)
            instrument.apply(address, ROWS[address].show(ROWS[address].default), NOBODY)
    return left


def left_out(
    preset: Preset, left: Sequence[str], pack: str, fingerprint: str = "", *, chosen: bool = False
) -> str:
    """A line for the performer on what of a preset `recall` has left out, its pack among it unless
    this one was `chosen`; empty where there is nothing to say."""
    parts = []
    if not preset.made_for(pack, fingerprint):
        if left or not chosen:
            parts.append(f"made for the pack {Path(preset.pack).name}, playing {Path(pack).name}")
    elif preset.fingerprint and preset.fingerprint != fingerprint:
        parts.append("the pack has another model than when it was saved")
    if left:
        values = ", ".join(f"{address} {_shown(preset.values[address])}" for address in left)
        parts.append(f"left out, for this pack has no such thing: {values}")
    return f"note   preset {preset.title}: {'; '.join(parts)}" if parts else ""


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
