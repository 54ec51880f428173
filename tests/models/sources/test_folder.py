from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentpad.models.audio import reading
from latentpad.models.sources.folder import SoundLookup, scan_folder


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def sounds(folder: Path) -> list[str]:
    return [path.as_posix() for path in scan_folder(folder).sounds]


def test_a_folder_of_links_holds_what_they_lead_to(tmp_path: Path) -> None:
    made(tmp_path / "kicks", "a.wav", "deep/b.flac")
    made(tmp_path / "more", "c.AIFF")
    links = tmp_path / "links"
    links.mkdir()
    (links / "kicks").symlink_to(tmp_path / "kicks")
    (links / "c.aiff").symlink_to(Path("..") / "more" / "c.AIFF")
    assert sounds(links) == ["c.aiff", "kicks/a.wav", "kicks/deep/b.flac"]
    assert reading.sound_files(links) == [links / name for name in sounds(links)]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    made(tmp_path, "x/a.wav", "y/b.wav")
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    (tmp_path / "x" / "self").symlink_to(tmp_path / "x")
    (tmp_path / "x" / "y").symlink_to(tmp_path / "y")
    (tmp_path / "y" / "x").symlink_to(tmp_path / "x")
    (tmp_path / "itself.wav").symlink_to(tmp_path / "itself.wav")
    held = scan_folder(tmp_path)
    assert sounds(tmp_path) == ["x/a.wav", "y/b.wav"]
    assert held.skipped == {"that leads nowhere": 1}


def test_a_file_of_two_names_is_one_sound_by_its_own_name(tmp_path: Path) -> None:
    made(tmp_path, "z/a.wav", "z/b.wav")
    (tmp_path / "again").symlink_to(tmp_path / "z")
    (tmp_path / "a first.wav").symlink_to(tmp_path / "z" / "a.wav")
    (tmp_path / "a second.wav").symlink_to(tmp_path / "z" / "a.wav")
    os.link(tmp_path / "z" / "b.wav", tmp_path / "z" / "hard.wav")
    assert sounds(tmp_path) == ["z/a.wav", "z/b.wav"]
    names = SoundLookup(scan_folder(tmp_path))
    for name in ("a first.wav", "a second.wav", "z/a.wav"):
        assert names.find(name, Path()) == Path("z/a.wav")
    assert names.find("z/hard.wav", Path()) == Path("z/b.wav")


def test_what_is_passed_over_is_counted_in_one_line(tmp_path: Path) -> None:
    made(
        tmp_path, "a.wav", "B.WAV", "c.m4a", "d.M4A", "e.aac", "f.wma", "g.rx2", "a.wav.asd",
        "a.wav.reapeaks", "._a.wav", ".DS_Store", ".Trash/h.wav", "__MACOSX/._a.wav", "Icon\r",
        "notes.txt", "noending", "lib/library.toml", "lib/audio/i.wav", "odd.\x1b[2J",
    )  # fmt: skip
    os.mkfifo(tmp_path / "pipe.wav")
    held = scan_folder(tmp_path)
    assert sounds(tmp_path) == ["B.WAV", "a.wav"]
    assert held.skipped["hidden"] == 5 and held.skipped[".m4a"] == 2
    assert held.skipped["sound library"] == held.skipped["that is no file"] == 1
    line = held.skipped_line()
    assert line.startswith(f"{tmp_path}: not taken: 5 hidden, 2 .m4a, 1 ")
    assert line.endswith(" of other kinds") and line.isprintable()
    assert sum(map(int, (w for w in line.split("taken: ")[1].split() if w.isdecimal()))) == 17


@pytest.mark.parametrize(
    "name", ["_readme_and_license.txt", "LICENSE", "x/credits.xlsx", "list.ods", "Attribution.rtf"]
)
def test_what_may_tell_of_licences_and_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    line = scan_folder(made(tmp_path, "a.wav", name)).skipped_line()
    assert line.endswith(f"; what {name} may say of licences is not read: save it as CSV")


def test_a_folder_of_sounds_alone_needs_no_line(tmp_path: Path) -> None:
    assert scan_folder(made(tmp_path, "a.wav", "x/b.ogg", "credits.csv")).skipped_line() == ""


def test_a_folder_that_may_not_be_opened_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "a.wav", "shut/b.wav")
    scan = os.scandir

    def refusing(path: Path) -> object:
        if path.name == "shut":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root may open anything
    assert scan_folder(tmp_path).skipped_line() == f"{tmp_path}: not taken: 1 that cannot be opened"


@pytest.mark.parametrize(
    ("on_disk", "said"),
    [
        ("Ge\u0301ant.wav", "G\u00e9ant.wav"),
        ("G\u00e9ant.wav", "Ge\u0301ant.WAV"),
        ("x/kick.wav", "x\\Kick.wav"),
        ("x/kick.wav", "./x//kick.wav "),
        ("x/kick.wav", "kick.wav"),
        ("x/kick.wav", "C:\\Samples\\kick.wav"),
        ("x/kick.wav", "/Users/ann/x/kick.wav"),
        ("1:2.wav", "1/2.wav"),
        ("x/kick.wav", "KICK.WAV"),
    ],
)
def test_a_file_is_found_by_what_another_system_calls_it(
    tmp_path: Path, on_disk: str, said: str
) -> None:
    assert SoundLookup(scan_folder(made(tmp_path, on_disk))).find(said, Path()) == Path(on_disk)


@pytest.mark.parametrize("said", ["", " ", ".", "..", "y/kick.wav", "../kick.wav", "kick", "\0"])
def test_a_name_of_something_else_finds_nothing(tmp_path: Path, said: str) -> None:
    assert SoundLookup(scan_folder(made(tmp_path, "x/kick.wav"))).find(said, Path("x")) is None
