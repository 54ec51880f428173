"""`/pack`: names, libraries, and what the performer is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.pack_change import PackChange
from latentpad.engine.control.pack_command import PackCommand
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.models.libraries import library, playable
from latentpad.models.packs.pack import SHIPPED, Pack, load

HAND = Sender("osc 10.0.0.5")


class AtOnce(PackChange):
    """Every pack is loaded at once, unless it is `damaged`; it leaves `left_out` out."""

    def __init__(self, played: PlayedPack) -> None:
        self._played, self._request = played, None
        self.damaged, self.left_out = "", ["/latent"]

    def request(
        self,
        played: PlayedPack,
        changed: Callable[[list[str]], None],
        refused: Callable[[str], None],
    ) -> None:
        if played.name == self.damaged:
            refused("its weights are damaged")
        else:
            self._played = played
            changed(self.left_out)


class Desk:
    def __init__(self, instrument: Instrument, played: PlayedPack) -> None:
        self.change, self.instrument = AtOnce(played), instrument
        self.told: list[str] = []
        self.published: list[tuple[str, Sequence[Argument]]] = []
        self.refused: list[tuple[str, Sender, str]] = []
        self.command = PackCommand(
            self.change,
            self.told.append,
            lambda address, args: self.published.append((address, args)),
            lambda address, args, sender, error: self.refused.append((address, sender, str(error))),
        )
        self.command.install(instrument)

    def pack(self, *args: Argument) -> None:
        self.instrument.apply("/pack", args, HAND)


@pytest.fixture
def desk(instrument: Instrument) -> Desk:
    return Desk(instrument, PlayedPack.of(load(SHIPPED / "footsteps")))


def test_a_pack_is_found_by_its_name_in_any_case(desk: Desk) -> None:
    desk.pack("OneShots")
    assert desk.change.played.name == "oneshots"
    assert desk.told[0] == "pack   oneshots"


def test_what_is_left_out_is_told_with_the_way_back(desk: Desk) -> None:
    desk.pack("oneshots")
    note = "left out, for this pack has no such thing: /latent; /pack footsteps brings it back"
    assert desk.told[1] == f"note   {note}" and desk.published == [("/pack/note", (note,))]


@pytest.mark.parametrize("args", [(), ("oneshots", 1), (1,), ("nothing",), ("/etc",), ("",)])
def test_what_names_no_pack_is_refused(desk: Desk, args: tuple[Argument, ...]) -> None:
    with pytest.raises(CommandError, match="/pack"):
        desk.pack(*args)
    assert desk.change.played.name == "footsteps" and not desk.told


def test_a_pack_that_turns_out_to_be_damaged_is_refused_to_who_asked_for_it(desk: Desk) -> None:
    desk.change.damaged = "oneshots"
    desk.pack("oneshots")
    ((address, sender, reason),) = desk.refused
    assert address == "/pack" and sender == HAND and "weights are damaged" in reason
    assert not desk.told


def test_a_library_is_left_with_its_pack_and_comes_back_with_it(
    instrument: Instrument, small: Pack, recordings: Path, tmp_path: Path
) -> None:
    mine = library.create(tmp_path / "mine", small)
    mine.add(recordings)
    played = PlayedPack.of(playable.as_pack(small, mine), mine.path)
    desk = Desk(instrument, played)
    desk.pack("footsteps")
    assert desk.change.played.library is None
    assert f"the library {mine.path} is left" in desk.told[1]
    desk.pack(Path(played.name).name)
    assert desk.change.played.library == mine.path
    assert len(desk.change.played.pack.anchors) == len(mine)
