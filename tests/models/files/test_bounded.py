from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentpad.models.files import bounded, json_file


def test_a_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    (tmp_path / "link").symlink_to(path)
    assert bounded.read(path, 1 << 20) == bounded.read(tmp_path / "link", 1 << 20) == bytes(1 << 20)
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(OverflowError, match="larger than 1 MB"):
        bounded.read(path, 1 << 20)


def test_what_might_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "zero"):
        with pytest.raises(OSError, match="is no file"):
            bounded.read(path, 10)
    for name in ("gone", "x" * 300, "a\0b"):
        with pytest.raises(OSError):
            bounded.read(tmp_path / name, 10)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("[" * 5000, "not valid JSON"),
        ("9" * 5001, "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("{} \x1b[2J", "not valid JSON"),
        (" " * 2000, "is larger than"),
    ],
)
def test_json_that_is_none_is_told_in_one_line(
    tmp_path: Path, content: str | bytes, what: str
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    most = 1000 if isinstance(content, str) and content.isspace() else 1 << 20
    with pytest.raises(LookupError) as error:
        json_file.read(path, most, "no file is", LookupError)
    said = str(error.value)
    assert what in said and str(path) in said and said.isprintable()
