"""The commands of presets, and what loading one does."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.stages import Stages
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.text import line
from latentpad.presets.bank import PresetBank
from latentpad.presets.preset import ROWS, Preset, PresetError

MOST_SAVES, EACH_S = 64, 0.25  # saves in a burst, and then one per EACH_S

P = TypeVar("P", bound="Named")


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
    current: str = "",
) -> None:
    """Register `/preset` and what follows it: `index`, `next`, `prev` and `save`.

    A preset of another pack is loaded with its pack; if there is no such pack, it is played on the
    present one. `tell` is called with a line for the performer when a preset was loaded or saved,
    and once if a preset names something that its pack does not have. It may not wait. `current` is
    the preset that is loaded already (`PresetBank.named`). The last one's name and number are
    published.
    """
    rate_limit = RateLimit(MOST_SAVES, EACH_S, time.monotonic)
    notes: set[str] = set()  # printed already: a preset may come at every beat
    wanted = current  # the name of the preset that was asked for last

    def load(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        nonlocal wanted
        name, preset = _requested(bank, args)
        told, wanted, pack = _values(bank, name), name, packs.wanted
        if not preset.made_for(pack.name, pack.fingerprint):
            with suppress(CommandError):
                pack = packs.load(preset.pack)
        yield

        def recall_preset() -> None:
            left = recall(instrument, preset, pack.name, pack.fingerprint)
            note = left_out(preset, left, pack.name, pack.fingerprint)
            _publish(instrument, told, sender)
            tell(f"preset {line(preset.title)}")
            if note and note not in notes:
                notes.add(note)
                tell(note)

        packs.play(pack, "/preset", sender, recall_preset)

    def step(by: int) -> Stages:
        def load_next(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
            nonlocal wanted
            names = bank.names()
            place = names.index(wanted) if wanted in names else min(-by, 0)
            wanted = names[(place + by) % len(names)]  # even if it cannot be loaded
            yield from load((wanted,), NOBODY)

        return load_next

    def save(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        nonlocal wanted
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
        wanted = path.stem
        _publish(instrument, _values(bank, wanted), NOBODY)
        tell(f"preset {line(args[0])} saved: {path}")

    for address, stages in {
        "/preset": load,
        "/preset/index": load,
        "/preset/next": step(1),
        "/preset/prev": step(-1),
        "/preset/save": save,
    }.items():
        instrument.register_stages(address, stages)
    if current:
        _publish(instrument, _values(bank, current), NOBODY)


def _values(bank: PresetBank, name: str) -> list[tuple[str, tuple[Argument, ...]]]:
    """What is told of a preset that is loaded: its name, and its number if it is in the bank."""
    names = bank.names()
    if name not in names:
        return [("/preset", (Path(name).stem,))]
    return [("/preset", (name,)), ("/preset/index", (names.index(name),))]


def _publish(
    instrument: Instrument, values: list[tuple[str, tuple[Argument, ...]]], sender: Sender
) -> None:
    with instrument.together():
        for address, args in values:
            instrument.publish(address, args, sender)


def _requested(bank: PresetBank, args: Sequence[Argument]) -> tuple[str, Preset]:
    """The name of the preset that is requested, and the preset. Raises `CommandError`."""
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
        preset = bank.load(name_or_number)
        return bank.named(name_or_number), preset
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
