from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentpad.engine import atomic_file
from tests.engine.test_sound_writer import files_of_at_most


def made(*wanted: Path) -> list[str]:
    files = atomic_file.create(list(wanted))
    for _, fd in files:
        os.close(fd)
    return [path.name for path, _ in files]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("mine")
    assert made(tmp_path / "a.wav") == ["a (2).wav"]
    assert made(tmp_path / "a.wav") == ["a (3).wav"]
    assert (tmp_path / "a.wav").read_text() == "mine"


def test_files_that_belong_together_get_the_same_number(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("mine")
    assert made(tmp_path / "a.wav", tmp_path / "a.jsonl") == ["a (2).wav", "a (2).jsonl"]
    assert not (tmp_path / "a.wav").exists()


def test_a_link_to_nothing_is_a_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "elsewhere")
    assert made(tmp_path / "a.wav") == ["a (2).wav"]
    assert not (tmp_path / "elsewhere").exists()


def test_where_one_file_cannot_be_made_none_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_file.create([tmp_path / "a.wav", tmp_path / "no" / "a.jsonl"])
    assert list(tmp_path.iterdir()) == []


def test_data_that_finds_no_room_is_not_added_at_all(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    with files_of_at_most(10):
        atomic_file.append(fd, b"1234567")
        with pytest.raises(OSError, match="too large"):
            atomic_file.append(fd, b"1234567")
        atomic_file.append(fd, b"890")
    os.close(fd)
    assert (tmp_path / "a").read_bytes() == b"1234567890"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_file.replace(path, b"before")
    with files_of_at_most(10), pytest.raises(OSError, match="too large"):
        atomic_file.replace(path, bytes(100))
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    atomic_file.replace(path, b"after")
    assert path.read_bytes() == b"after" and list(tmp_path.iterdir()) == [path]
