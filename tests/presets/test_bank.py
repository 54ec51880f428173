from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.instrument import Instrument, Sender
from engine.parameters import CommandError
from presets.bank import Bank, install
from presets.preset import PERFORMERS, ROWS, PresetError


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(user=tmp_path / "presets")


def points(instrument: Instrument) -> dict[str, object]:
    return {address: args for address, args in instrument.values() if address in PERFORMERS}


def test_the_factory_s_presets_are_for_the_shipped_packs_and_differ(bank: Bank) -> None:
    names = bank.names()
    assert len(names) >= 6 and names[0] == "walk"
    presets = [bank.load(name) for name in names]
    assert {preset.pack for preset in presets} == {"footsteps", "oneshots"}
    assert all(preset.title and preset.description for preset in presets)
    commands = [str(preset.commands()) for preset in presets]
    assert len(set(commands)) == len(commands)


def test_a_preset_s_place_is_its_number(bank: Bank) -> None:
    for number, name in enumerate(bank.names()):
        assert bank.load(number) is bank.load(str(number)) is bank.load(name.upper())


def test_a_preset_that_is_not_there_is_met_with_what_is(bank: Bank) -> None:
    with pytest.raises(PresetError, match=r"'dorne'; did you mean drone\?; there are 0 walk, 1"):
        bank.load("dorne")
    with pytest.raises(PresetError, match=r"no preset 99; there are 0 walk"):
        bank.load(99)


def test_a_file_can_be_loaded_by_its_path(bank: Bank, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\npack = "other"\n')
    assert bank.load(str(path)).pack == "other"
    with pytest.raises(PresetError, match="check the path"):
        bank.load(str(tmp_path / "none.toml"))


def test_a_file_that_has_changed_is_read_again(bank: Bank, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for title in ("One", "Two"):
        path.write_text(f'title = "{title}"\npack = "p"\n')
        path.touch()
        assert bank.load(str(path)).title == title


def test_what_is_saved_comes_back(bank: Bank, instrument: Instrument) -> None:
    rng = random.Random(3)
    for address, row in ROWS.items():
        if address != "/plane":
            instrument.apply(
                address, [rng.uniform(row.low, min(row.high, 99)) for _ in row.default]
            )
    saved = dict(instrument.values())
    install(instrument, bank, "footsteps")
    instrument.apply("/preset/save", ("night walk",))
    instrument.apply("/preset", ("walk",))
    kept = points(instrument)
    assert dict(instrument.values()) != saved
    instrument.apply("/preset", ("night walk",))
    assert dict(instrument.values()) == saved
    assert points(instrument) == kept
    assert [file.name for file in bank.user.iterdir()] == ["night walk.toml"]


def test_one_s_own_preset_stands_in_for_its_namesake(bank: Bank, instrument: Instrument) -> None:
    count = len(bank.names())
    bank.save("walk", instrument, "footsteps")
    bank.save("aaa", instrument, "footsteps")
    assert bank.load("walk").description == "saved while playing"
    assert bank.names()[0] == "walk" and bank.names()[count:] == ["aaa"]


@pytest.mark.parametrize(
    "name",
    ["", " ", "../up", "a/b", "a\\b", ".hidden", "a.toml", "7", "x" * 65, "a\n", "a\0", "a "],
)
def test_a_name_that_could_leave_the_folder_is_refused(
    bank: Bank, instrument: Instrument, name: str
) -> None:
    install(instrument, bank, "footsteps")
    with pytest.raises(CommandError, match="cannot name a preset"):
        instrument.apply("/preset/save", (name,))
    assert not bank.user.exists()


@pytest.mark.parametrize("which", ["drone", 1, 1.0, "1"])
def test_a_preset_is_loaded_by_name_or_number(
    bank: Bank, instrument: Instrument, which: str | float
) -> None:
    install(instrument, bank, "footsteps")
    instrument.apply("/gain", (-20,))
    instrument.apply("/pitch", (7,))
    instrument.apply("/attack", (5,))
    instrument.apply("/preset", (which,))
    drone = bank.load("drone")
    values = dict(instrument.values())
    for address, value in drone.values.items():
        assert values[address] == (value,)
    assert values["/gain"] == (-20.0,)
    assert values["/dynamics"] == (0.0,)  # not named by drone


def test_everyone_is_told_what_a_preset_changes_and_no_voice_starts(
    bank: Bank, instrument: Instrument
) -> None:
    install(instrument, bank, "footsteps")
    told: dict[str, Sender] = {}
    instrument.listeners.append(lambda address, args, sender: told.update({address: sender}))
    for name in bank.names():
        if bank.load(name).pack == "footsteps":
            instrument.apply("/preset", (name,), Sender("osc 127.0.0.1", 9))
    assert set(told) == set(ROWS) - PERFORMERS and set(told.values()) == {Sender("")}
    assert instrument.board.event_head[0] == 0


def test_a_preset_of_another_pack_says_how_to_start_it(bank: Bank, instrument: Instrument) -> None:
    install(instrument, bank, "footsteps")
    before = dict(instrument.values())
    with pytest.raises(CommandError, match=r"Kit plays the pack oneshots.*`latentpad play kit`"):
        instrument.apply("/preset", ("kit",), Sender("osc 127.0.0.1", 9))
    assert dict(instrument.values()) == before


@pytest.mark.parametrize(
    "args", [(), (99,), ("no such",), (0.5,), (float("nan"),), (True,), ("/etc/x.toml",), (1, 2)]
)
def test_a_preset_that_cannot_be_loaded_changes_nothing(
    bank: Bank, instrument: Instrument, args: tuple[str | float, ...]
) -> None:
    install(instrument, bank, "footsteps")
    before = dict(instrument.values())
    with pytest.raises(CommandError, match="/preset"):
        instrument.apply("/preset", args)
    assert dict(instrument.values()) == before


def test_a_preset_of_another_pack_says_how_to_play_it(bank: Bank, instrument: Instrument) -> None:
    bank.user.mkdir()
    (bank.user / "bells.toml").write_text('title = "Bells"\npack = "bells"\n')
    install(instrument, bank, "footsteps")
    with pytest.raises(CommandError, match=r"the pack bells.*`latentpad play bells`"):
        instrument.apply("/preset", ("bells",))


def test_a_plane_that_the_pack_has_not_is_said_and_the_rest_is_done(
    bank: Bank, instrument: Instrument
) -> None:
    bank.user.mkdir()
    text = 'title = "U"\npack = "footsteps"\n[values]\n"/plane" = "umap"\n"/pitch" = 5\n'
    (bank.user / "u.toml").write_text(text)
    install(instrument, bank, "footsteps")
    with pytest.raises(CommandError, match="no umap plane"):
        instrument.apply("/preset", ("u",))
    assert instrument.value("/pitch") == (5.0,)
