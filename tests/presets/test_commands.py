"""The commands of presets: the next, the one before, by name and by number, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import install
from tests.one_pack import OnePack

PHONE = Sender("osc 10.0.0.5", 50123)


@pytest.fixture
def bank(tmp_path: Path) -> PresetBank:
    return PresetBank(user=tmp_path / "presets")


def playing(bank: PresetBank, instrument: Instrument, current: str = "walk") -> None:
    install(instrument, bank, OnePack("footsteps"), current=current)


def loaded(instrument: Instrument) -> object:
    (name,) = instrument.args_of("/preset")
    return name


def test_next_and_prev_go_round_the_bank(bank: PresetBank, instrument: Instrument) -> None:
    playing(bank, instrument)
    names = bank.names()
    for name in (*names[1:], names[0], names[1]):
        instrument.apply("/preset/next", (1,))
        instrument.apply("/preset/next", (0,))
        assert loaded(instrument) == name
        assert instrument.args_of("/preset/index") == (names.index(name),)
    for name in (names[0], names[-1], names[-2]):
        instrument.apply("/preset/prev", ())
        assert loaded(instrument) == name


def test_next_goes_past_a_preset_that_cannot_be_read(
    bank: PresetBank, instrument: Instrument
) -> None:
    last = bank.names()[-1]
    bank.user.mkdir()
    (bank.user / "zzz.toml").write_text("no preset")
    playing(bank, instrument, last)
    with pytest.raises(CommandError, match="zzz"):
        instrument.apply("/preset/next", ())
    instrument.apply("/preset/next", ())
    assert loaded(instrument) == "walk"


@pytest.mark.parametrize("args", [(), (1,), (True,)])
def test_a_preset_is_a_button(
    bank: PresetBank, instrument: Instrument, args: tuple[int, ...]
) -> None:
    playing(bank, instrument)
    instrument.apply("/preset/Drone", args)
    assert loaded(instrument) == "drone"
    instrument.apply("/preset/walk", (0,))
    assert loaded(instrument) == "drone"
    assert instrument.args_of("/preset/drone") == (1,)
    assert instrument.waits_for_disk("/preset/drone") and instrument.waits_for_disk("/preset/next")
    with pytest.raises(CommandError, match="there is no preset 'dorne'; did you mean drone"):
        instrument.apply("/preset/dorne", args)


def test_a_preset_s_number_is_a_value(bank: PresetBank, instrument: Instrument) -> None:
    playing(bank, instrument)
    instrument.apply("/preset/index", (0.0,))
    assert loaded(instrument) == bank.names()[0]
    instrument.apply("/preset", (1,))
    assert loaded(instrument) == bank.names()[1]


def test_who_loads_a_preset_is_told_when_a_button_did_it(
    bank: PresetBank, instrument: Instrument
) -> None:
    playing(bank, instrument)
    senders: list[tuple[str, Sender]] = []
    instrument.listeners.append(lambda address, args, sender: senders.append((address, sender)))
    instrument.apply("/preset/next", (1,), PHONE)
    assert senders[-2:] == [("/preset", NOBODY), ("/preset/index", NOBODY)]
    instrument.apply("/preset/index", (3,), PHONE)
    assert senders[-2:] == [("/preset", PHONE), ("/preset/index", PHONE)]


def test_a_preset_that_was_saved_is_the_present_one(
    bank: PresetBank, instrument: Instrument
) -> None:
    playing(bank, instrument)
    instrument.apply("/preset/save", ("Mine",))
    assert loaded(instrument) == "Mine"
    assert instrument.args_of("/preset/index") == (bank.names().index("Mine"),)
    instrument.apply("/preset/next", ())
    assert loaded(instrument) == bank.names()[(bank.names().index("Mine") + 1) % len(bank.names())]


def test_a_preset_of_a_file_is_told_by_its_name(
    bank: PresetBank, instrument: Instrument, tmp_path: Path
) -> None:
    playing(bank, instrument, str(tmp_path / "other.toml"))
    assert loaded(instrument) == "other" and instrument.args_of("/preset/index") == ()
    instrument.apply("/preset/prev", ())
    assert loaded(instrument) == bank.names()[-1]
