"""The bank: the factory's presets and the user's own, by name and by number."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import tomli_w

from latentpad.engine import atomic_file
from latentpad.engine.arguments import Argument
from latentpad.models.packs import reference
from latentpad.models.text import line
from latentpad.presets import names as files
from latentpad.presets.names import FACTORY, listed
from latentpad.presets.preset import Preset, PresetError, read, saved_values

Values = Iterable[tuple[str, tuple[Argument, ...]]]
"""Rows and their values, as `Instrument.values` gives them."""

MOST_OWN = 1000  # presets
MOST_BYTES = 240  # of a name: file systems take 255 with its ending

RESERVED = ("save", "next", "prev", "index")  # names that follow /preset/ in addresses


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
