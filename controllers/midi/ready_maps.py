"""Ready maps: what the controls of known devices steer, as they leave the factory.

Each is a file in `maps/`:

    title = "Korg nanoKONTROL2"
    ports = ["nanoKONTROL2"]
    plain = true
    channel = 1

    [controls]
    "cc 2" = "/texture"

`ports` are parts of the device's port names, in any case. A `plain` device uses controllers 0...63
as single ones: they are no banks, data entry or halves of 14 bits. What a performer has learned
goes before a ready map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from latentpad.controllers.learning.binding import Binding
from latentpad.controllers.learning.midi_control import MidiControl, port_name
from latentpad.models.files import toml

MAPS = Path(__file__).parent / "maps"


@dataclass(frozen=True)
class ReadyMap:
    """The map of one device."""

    title: str
    ports: tuple[str, ...]
    plain: bool
    channel: int
    controls: tuple[tuple[str, str], ...]  # names of controls, and addresses

    @classmethod
    def read(cls, path: Path) -> ReadyMap:
        """Raises `ValueError` or `KeyError` for a file that is no map."""
        table = toml.loads(path.read_text())
        return cls(
            table["title"],
            tuple(table["ports"]),
            table["plain"],
            table["channel"],
            tuple(table["controls"].items()),
        )

    def fits(self, port: str) -> bool:
        """Whether the port is one of such a device."""
        return any(name.casefold() in port.casefold() for name in self.ports)

    def bindings(self, port: str) -> Iterator[Binding]:
        """The bindings of a device at this port."""
        for name, address in self.controls:
            yield Binding.make(MidiControl.parse(port_name(port), self.channel, name), address)


@cache
def ready_maps() -> tuple[ReadyMap, ...]:
    """All ready maps."""
    return tuple(ReadyMap.read(path) for path in sorted(MAPS.glob("*.toml")))


def map_of(port: str) -> ReadyMap | None:
    """The ready map for a port; None if its device is not known."""
    return next((ready for ready in ready_maps() if ready.fits(port)), None)


def plain_ports() -> tuple[str, ...]:
    """Parts of the names of ports whose devices use all controllers as single ones."""
    return tuple(name for ready in ready_maps() if ready.plain for name in ready.ports)
