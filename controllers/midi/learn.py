"""MIDI learn: after `/learn ADDRESS` the next control that is moved sets that address.

Bindings are kept in a TOML file that can be read and edited by hand:

    [bindings]
    "channel 1 cc 74" = "/texture"
    "channel 10 note 36" = "/pad/1/touch"
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import tomli_w
from platformdirs import user_config_path

from latentpad.engine import atomic_file
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import FINGERS, ROW, Parameter
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded, toml
from latentpad.models.text import printable, reason

MOST_BYTES = 1 << 20
LATENT_REACH = 3.0
"""A control moves one latent within this many standard deviations of the prior."""


class BindingsError(LatentpadError, ValueError):
    """A bindings file that cannot be used: one line with the place and what to do."""


class Control(NamedTuple):
    """A knob or key: MIDI channel 1...16, `kind` "cc" or "note", its number 0...127."""

    channel: int
    kind: str
    number: int

    def __str__(self) -> str:
        return f"channel {self.channel} {self.kind} {self.number}"

    @classmethod
    def parse(cls, text: str) -> Control:
        match = re.fullmatch(r"channel (\d{1,2}) (cc|note) (\d{1,3})", text)
        if not match or not 1 <= int(match[1]) <= 16 or int(match[3]) > 127:
            raise ValueError(
                f'{printable(text, 60)!r} is no control; write one as "channel 1 cc 74"'
            )
        return cls(int(match[1]), match[2], int(match[3]))


class Target(NamedTuple):
    """An address that a control can set.

    `kind` is "value" (of `row`, or else within `low`...`high`), "switch" (1 while pressed) or
    "trigger" (carried out when pressed).
    """

    address: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    row: Parameter | None = None

    def args(self, position: float) -> tuple[Argument, ...]:
        """The command's arguments for a control at `position`, 0...1."""
        if self.kind == "trigger":
            return ()
        if self.kind == "switch":
            return (int(position >= 0.5),)
        if self.row is not None:
            return self.row.show((self.row.from_unit(position),))
        return (self.low + position * (self.high - self.low),)


_NUMBER = r"(?:[1-9]|10)"
_TRIGGER = re.compile(r"/panic|/anchor/\d{1,9}|/snapshot/\d{1,9}/(store|recall)")
_TOUCH = re.compile(rf"/pad(/{_NUMBER})?/touch")
_AXIS = re.compile(rf"/pad(/{_NUMBER})?/[xy]")
_LATENT = re.compile(r"/latent/[1-9]\d{0,2}")
_LATTICE = re.compile(r"/lattice/\d{1,9}")
_FINGER = re.compile(rf"/pad/{_NUMBER}/(\w+)")
assert FINGERS == 10, "the addresses of the fingers above end at 10"


def target(address: str) -> Target:
    """The target for an address. Raises `CommandError` if a single control cannot set it."""
    if _TRIGGER.fullmatch(address):
        return Target(address, "trigger")
    if _TOUCH.fullmatch(address):
        return Target(address, "switch")
    if _AXIS.fullmatch(address) or _LATTICE.fullmatch(address):
        return Target(address, "value")
    if _LATENT.fullmatch(address):
        return Target(address, "value", -LATENT_REACH, LATENT_REACH)
    finger = _FINGER.fullmatch(address)
    row = ROW.get("/pad/{n}/" + finger[1] if finger else address)
    if row is None or "{" in address:
        raise CommandError(f"/learn: no MIDI control can steer {address}")
    if row.size > 1:
        raise CommandError(f"/learn: {address} takes {row.size} values, a MIDI control gives one")
    kind = "switch" if row.kind == "switch" else "value"
    return Target(address, kind, row=row)


class Bindings:
    """The addresses that MIDI controls set. Any thread may call; each change is written to the
    file.

    Raises `BindingsError` if `path` (default: in the user's configuration) cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_config_path("latentpad") / "midi.toml"
        self.learning: Target | None = None
        self._tell: Callable[[str], None] = lambda line: None
        self._lock = threading.Lock()
        self._targets: dict[Control, Target] = {}
        if self.path.exists():
            self._load()

    def install(
        self, instrument: Instrument, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        """Register `/learn`. `tell` is called with a line for the performer when it has learned."""
        self._tell = tell
        instrument.register("/learn", self._learn)

    def get(self, control: Control) -> Target | None:
        return self._targets.get(control)

    def items(self) -> list[tuple[Control, Target]]:
        with self._lock:
            return sorted(self._targets.items())

    def offer(self, control: Control) -> Target | None:
        """The target of a control that was moved or pressed; it learns one first if `/learn` waits.

        Keys learn only switches, touches and triggers, so that one can play on while looking for a
        knob. If the file cannot be written, the binding holds until the program ends.
        """
        wanted = self.learning
        if wanted is not None and not (control.kind == "note" and wanted.kind == "value"):
            with self._lock:
                self.learning = None
                self._targets[control] = wanted
                warning = ""
                try:
                    self._save()
                except OSError as error:
                    warning = f", and is not kept: {self.path}: {error.strerror}"
                self._tell(f"learn  {control} steers {wanted.address}{warning}")
        return self._targets.get(control)

    def _learn(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/learn takes an address, or an empty string to think better of it")
        self.learning = target(args[0]) if args[0] else None
        state = f"{args[0]}: move a control" if args[0] else "nothing any more"
        self._tell(f"learn  {state}")

    def _load(self) -> None:
        try:
            table = toml.loads(bounded.read(self.path, MOST_BYTES).decode("utf-8-sig"))
            bindings = table.get("bindings", {})
            if not isinstance(bindings, dict):
                raise ValueError("bindings is no table")
            for name, address in bindings.items():
                if not isinstance(address, str):
                    raise ValueError(f"{printable(name, 60)!r} is bound to no address")
                self._targets[Control.parse(name)] = target(address)
        except (OSError, OverflowError, ValueError) as error:
            raise BindingsError(
                f"{self.path}: {reason(error)}; correct the file or remove it"
            ) from None

    def _save(self) -> None:
        table = {str(control): t.address for control, t in sorted(self._targets.items())}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(self.path, tomli_w.dumps({"bindings": table}).encode())
