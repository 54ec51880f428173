"""The only pack of an instrument without processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Sender


@dataclass(frozen=True)
class OnePack:
    """`presets.commands.Packs` where there is no other pack."""

    name: str
    fingerprint: str = ""

    @property
    def played(self) -> OnePack:
        return self

    @property
    def wanted(self) -> OnePack:
        return self

    def load(self, name: str) -> OnePack:
        raise CommandError(f"/pack: there is no {name} here")

    def play(self, played: OnePack, command: str, sender: Sender, then: Callable[[], None]) -> None:
        then()
