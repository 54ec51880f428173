from __future__ import annotations

import random
from pathlib import Path

import pytest

from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import install
from latentpad.presets.preset import PERFORMERS, ROWS, PresetError
from tests.engine.test_sound_writer import files_of_at_most
from tests.one_pack import OnePack


@pytest.fixture
def bank(tmp_path: Path) -> PresetBank:
    return PresetBank(user=tmp_path / "presets")


def points(instrument: Instrument) -> dict[str, object]:
    return {address: args for address, args in instrument.values() if address in PERFORMERS}


def test_the_factory_s_presets_are_for_the_shipped_packs_and_differ(bank: PresetBank) -> None:
    names = bank.names()
    assert len(names) >= 6 and names[0] == "walk"
    presets = [bank.load(name) for name in names]
    assert {preset.pack for preset in presets} == {"footsteps", "oneshots"}
    assert all(preset.title and preset.description for preset in presets)
    commands = [str(preset.commands()) for preset in presets]
    assert len(set(commands)) == len(commands)


def test_a_preset_s_place_is_its_number(bank: PresetBank) -> None:
    for number, name in enumerate(bank.names()):
        assert bank.load(number) is bank.load(str(number)) is bank.load(name.upper())


def test_a_preset_that_is_not_there_is_met_with_what_is(bank: PresetBank) -> None:
    with pytest.raises(PresetError, match=r"'dorne'; did you mean drone\?; there are 0 walk, 1"):
        bank.load("dorne")
    with pytest.raises(PresetError, match=r"no preset 99; there are 0 walk"):
        bank.load(99)


def test_a_file_can_be_loaded_by_its_path(bank: PresetBank, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\npack = "other"\n')
    assert bank.load(str(path)).pack == "other"
    with pytest.raises(PresetError, match="check the path"):
        bank.load(str(tmp_path / "none.toml"))


def test_a_file_that_has_changed_is_read_again(bank: PresetBank, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for title in ("One", "Two"):
        path.write_text(f'title = "{title}"\npack = "p"\n')
        path.touch()
        assert bank.load(str(path)).title == title


def test_what_is_saved_comes_back(bank: PresetBank, instrument: Instrument) -> None:
    rng = random.Random(3)
    for address, row in ROWS.items():
        if address != "/plane":
            instrument.apply(
                address, [rng.uniform(row.low, min(row.high, 99)) for _ in row.default]
            )
    saved = dict(instrument.values())
    install(instrument, bank, OnePack("footsteps"))
    instrument.apply("/preset/save", ("night walk",))
    instrument.apply("/preset", ("walk",))
    kept = points(instrument)
    assert dict(instrument.values()) != saved
    instrument.apply("/preset", ("night walk",))
    assert dict(instrument.values()) == saved
    assert points(instrument) == kept
    assert [file.name for file in bank.user.iterdir()] == ["night walk.toml"]


def test_one_s_own_preset_stands_in_for_its_namesake(
    bank: PresetBank, instrument: Instrument
) -> None:
    count = len(bank.names())
    bank.save("walk", instrument.values(), "footsteps")
    bank.save("aaa", instrument.values(), "footsteps")
    assert bank.load("walk").description == "saved while playing"
    assert bank.names()[0] == "walk" and bank.names()[count:] == ["aaa"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " ",
            "../up",
            "..",
            "a/b",
            "a\\b",
            ".hidden",
            "a.toml",
            "7",
            "x" * 65,
            "a\n",
            "a\0",
            "a ",
        ),
        *("\x1b[2J", "save", "next", "\U00020000" * 64),
    ],
)
def test_a_name_that_could_leave_the_folder_is_refused(
    bank: PresetBank, instrument: Instrument, name: str
) -> None:
    install(instrument, bank, OnePack("footsteps"))
    with pytest.raises(CommandError, match="cannot name a preset"):
        instrument.apply("/preset/save", (name,))
    assert not bank.user.exists()


@pytest.mark.parametrize("which", ["drone", 1, 1.0, "1"])
def test_a_preset_is_loaded_by_name_or_number(
    bank: PresetBank, instrument: Instrument, which: str | float
) -> None:
    install(instrument, bank, OnePack("footsteps"))
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
    bank: PresetBank, instrument: Instrument
) -> None:
    install(instrument, bank, OnePack("footsteps"))
    reported: dict[str, Sender] = {}
    instrument.listeners.append(lambda address, args, sender: reported.update({address: sender}))
    for name in bank.names():
        if bank.load(name).pack == "footsteps":
            instrument.apply("/preset", (name,), Sender("osc 127.0.0.1", 9))
    own = {reported.pop("/preset"), reported.pop("/preset/index")}
    assert own == {Sender("osc 127.0.0.1", 9)}
    assert set(reported) == set(ROWS) - PERFORMERS and set(reported.values()) == {Sender("")}
    assert instrument.board.event_head[0] == 0


def test_a_preset_of_another_pack_plays_on_this_one_and_that_is_told_once(
    bank: PresetBank, instrument: Instrument
) -> None:
    reported: list[str] = []
    install(instrument, bank, OnePack("/somewhere/mypack"), reported.append)
    for _ in range(3):
        instrument.apply("/preset", ("kit",), Sender("osc 127.0.0.1", 9))
    values = dict(instrument.values())
    for address, value in bank.load("kit").values.items():
        assert values[address] == (value,)
    notes = [line for line in reported if line.startswith("note")]
    assert notes == ["note   preset Kit: made for the pack oneshots, playing mypack"]


@pytest.mark.parametrize("name", ["walk", "drone", "scrub", "kit", "haze"])
def test_what_is_saved_after_a_factory_preset_on_a_pack_of_one_s_own_is_that_preset(
    bank: PresetBank, instrument: Instrument, name: str
) -> None:
    install(instrument, bank, OnePack("/somewhere/mypack", "abc"))
    instrument.apply("/pitch", (11,))
    instrument.apply("/preset", (name,))
    instrument.apply("/preset/save", ("mine",))
    kept = bank.load("mine")
    assert kept.commands() == bank.load(name).commands()
    assert kept.pack == "/somewhere/mypack" and kept.fingerprint == "abc"


@pytest.mark.parametrize(
    "args", [(), (99,), ("no such",), (0.5,), (float("nan"),), (True,), ("/etc/x.toml",), (1, 2)]
)
def test_a_preset_that_cannot_be_loaded_changes_nothing(
    bank: PresetBank, instrument: Instrument, args: tuple[str | float, ...]
) -> None:
    install(instrument, bank, OnePack("footsteps"))
    before = dict(instrument.values())
    with pytest.raises(CommandError, match="/preset"):
        instrument.apply("/preset", args)
    assert dict(instrument.values()) == before


def own(bank: PresetBank, name: str, text: str) -> None:
    bank.user.mkdir(exist_ok=True)
    (bank.user / f"{name}.toml").write_text(f'title = "{name}"\n{text}')


def test_a_plane_that_the_pack_has_not_is_told_and_the_rest_is_done(
    bank: PresetBank, instrument: Instrument
) -> None:
    own(bank, "u", 'pack = "footsteps"\n[values]\n"/plane" = "umap"\n"/pitch" = 5\n')
    reported: list[str] = []
    install(instrument, bank, OnePack("footsteps"), reported.append)
    instrument.apply("/plane", ("principal",))
    instrument.apply("/preset", ("u",))
    assert instrument.value("/pitch") == (5.0,)
    assert dict(instrument.values())["/plane"] == ("auto",)  # and not the one before
    left = "note   preset u: left out, for this pack has no such thing: /plane umap"
    assert reported == ["preset u", left]


def test_what_another_pack_s_numbers_mean_is_left_out_and_told(
    bank: PresetBank, instrument: Instrument
) -> None:
    numbers = '[values]\n"/axes" = [2, 3]\n"/lattice/base" = 7\n"/pitch" = 5\n'
    own(bank, "here", 'pack = "footsteps"\n' + numbers)
    own(bank, "there", 'pack = "bells"\n' + numbers)
    reported: list[str] = []
    install(instrument, bank, OnePack("footsteps"), reported.append)
    instrument.apply("/preset", ("here",))
    values = dict(instrument.values())
    assert values["/axes"] == (2, 3) and values["/lattice/base"] == (7,)
    assert reported == ["preset here"]
    instrument.apply("/preset", ("there",))
    values = dict(instrument.values())
    assert values["/axes"] == ("auto", "auto") and values["/lattice/base"] == (0,)
    assert values["/pitch"] == (5.0,)
    _, _, line = reported
    assert "made for the pack bells" in line and "/axes 2 3, /lattice/base 7" in line


@pytest.mark.parametrize(
    ("pack", "fingerprint", "is_told"),
    [
        ('pack = "mypack"', "new", ""),  # as older files say it
        ('pack = "../packs/mypack"', "new", ""),
        ('pack = "../packs/mypack"\nfingerprint = "new"', "new", ""),
        ('pack = "../moved/yourpack"\nfingerprint = "new"', "new", ""),
        ('pack = "../packs/mypack"\nfingerprint = "old"', "new", "another model than when"),
        ('pack = "../packs/yours"\nfingerprint = "old"', "new", "pack yours, playing mypack"),
    ],
)
def test_a_preset_knows_its_pack_by_place_name_and_model(
    bank: PresetBank, instrument: Instrument, pack: str, fingerprint: str, is_told: str
) -> None:
    own(bank, "mine", pack + "\n")
    reported: list[str] = []
    place = str(bank.user.parent / "packs" / "mypack")
    install(instrument, bank, OnePack(place, fingerprint), reported.append)
    instrument.apply("/preset", ("mine",))
    notes = reported[1:]
    assert len(notes) == bool(is_told) and is_told in "".join(notes)


def test_a_saved_preset_finds_its_pack_wherever_both_are_moved(
    bank: PresetBank, instrument: Instrument, tmp_path: Path
) -> None:
    bank.save("mine", instrument.values(), str(tmp_path / "packs" / "mypack"), "abc")
    text = (bank.user / "mine.toml").read_text()
    assert 'pack = "../packs/mypack"' in text and 'fingerprint = "abc"' in text
    bank.user.rename(tmp_path / "other")
    moved = PresetBank(user=tmp_path / "other").load("mine")
    assert moved.pack == str(tmp_path / "packs" / "mypack")


def test_a_preset_goes_by_the_name_that_a_take_can_keep(bank: PresetBank, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('title = "x"\npack = "footsteps"\n')
    assert [bank.named(which) for which in ("WALK", "1", 2)] == ["walk", "drone", "gravel"]
    assert bank.named(str(tmp_path / "mine.toml")) == str(tmp_path / "mine.toml")


def test_names_that_look_alike_are_one_preset(bank: PresetBank, instrument: Instrument) -> None:
    composed, decomposed = "Caf\u00e9", "cafe\u0301"
    bank.save(composed, instrument.values(), "footsteps")
    instrument.apply("/pitch", (5,))
    bank.save(decomposed, instrument.values(), "footsteps")
    assert [path.name for path in bank.user.iterdir()] == [f"{composed}.toml"]
    assert bank.load(decomposed).values["/pitch"] == bank.load(composed).values["/pitch"] == 5


def test_a_flood_of_saves_is_refused_and_what_was_saved_is_told(
    bank: PresetBank, instrument: Instrument
) -> None:
    reported: list[str] = []
    install(instrument, bank, OnePack("footsteps"), reported.append)
    refused = []
    for k in range(2500):
        try:
            instrument.apply("/preset/save", (f"name {k}",))
        except CommandError as error:
            refused.append(str(error))
    assert len(refused) > 2000 and all("not saved" in why for why in refused)
    assert all("save again" in why for why in refused)
    assert len(list(bank.user.iterdir())) == len(reported) == 2500 - len(refused)


def test_a_preset_that_is_loaded_or_saved_is_told(bank: PresetBank, instrument: Instrument) -> None:
    reported: list[str] = []
    install(instrument, bank, OnePack("footsteps"), reported.append)
    instrument.apply("/preset", ("drone",))
    instrument.apply("/preset/save", ("my walk",))
    assert reported == ["preset Drone", f"preset my walk saved: {bank.user / 'my walk.toml'}"]


def test_there_is_room_for_a_thousand_presets(bank: PresetBank, instrument: Instrument) -> None:
    bank.user.mkdir()
    for k in range(1000):
        (bank.user / f"mine {k}.toml").write_text('title = "x"\npack = "footsteps"\n')
    with pytest.raises(PresetError, match=r"holds 1000 presets.*remove some"):
        bank.save("another", instrument.values(), "footsteps")
    instrument.apply("/pitch", (5,))
    bank.save("mine 7", instrument.values(), "footsteps")
    assert bank.load("mine 7").values == {"/pitch": 5.0}


def test_on_a_full_disk_the_preset_before_is_kept_and_it_is_told(
    bank: PresetBank, instrument: Instrument
) -> None:
    reported: list[str] = []
    install(instrument, bank, OnePack("footsteps"), reported.append)
    instrument.apply("/preset/save", ("mine",))
    before = (bank.user / "mine.toml").read_bytes()
    instrument.apply("/pitch", (5,))
    with files_of_at_most(20), pytest.raises(CommandError, match=r"too large; nothing was saved"):
        instrument.apply("/preset/save", ("mine",))
    assert (bank.user / "mine.toml").read_bytes() == before
    assert [path.name for path in bank.user.iterdir()] == ["mine.toml"]
    assert len(reported) == 1 and "mine.toml" in reported[0]  # of the one that was saved


@pytest.mark.parametrize("which", ["9" * 5001, "\0", "a\0.toml", "x" * 60_000, "\ud800", 1e308])
def test_what_no_preset_is_called_is_told_in_a_short_line(
    bank: PresetBank, instrument: Instrument, which: str | float
) -> None:
    install(instrument, bank, OnePack("footsteps"))
    with pytest.raises(CommandError) as error:
        instrument.apply("/preset", (which,))
    assert len(str(error.value)) < 1500
    if isinstance(which, str):
        with pytest.raises(PresetError) as reported:
            bank.load(which)
        assert len(str(reported.value)) < 1500


def test_a_listing_of_strange_names_is_printable(bank: PresetBank) -> None:
    bank.user.mkdir()
    (bank.user / "\x1b]0;owned\x07.toml").write_text("")
    (bank.user / "two\nlines.toml").write_text("")
    with pytest.raises(PresetError) as error:
        bank.load("none")
    assert str(error.value).isprintable()
