from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentpad.presets.preset import PERFORMERS, ROWS, PresetError, parse, read

WHOLE = """title = "Test"
pack = "footsteps"

[values]
"/mode" = "shot"
"/axes" = [3, 1]
"/guard" = false
"/loop/speed" = -1
"/pad/1/xy" = [0.3, 0.7]
"/gain" = -3.5
"""


def test_a_preset_is_whole() -> None:
    commands = dict(parse(WHOLE, "test.toml").commands())
    assert commands["/mode"] == ("shot",) and commands["/axes"] == (3, 1)
    assert commands["/guard"] == (False,) and commands["/pad/1/xy"] == (0.3, 0.7)
    assert commands["/expander"] == ("dwell",) and commands["/pad/7/pitch"] == (0.0,)
    assert commands["/gain"] == (-3.5,)
    # The loudness of the room and the places of the fingers stay as they are, unless named.
    assert set(ROWS) - set(commands) == PERFORMERS - {"/gain", "/pad/1/xy"}


BROKEN = {
    "syntax": ('title = "a\n', 1, "column", "correct the TOML"),
    "an unfinished end": ('title = "a"\npack = ', 2, "Invalid value", "correct the TOML"),
    "no title": ('pack = "p"\n', 1, "title is missing", 'add title = "..."'),
    "no pack": ('title = "a"\n', 1, "pack is missing", 'add pack = "..."'),
    "a title that is none": ('pack = "p"\ntitle = 3\n', 2, "title", "correct it"),
    "a title of no letters": ('title = ""\npack = "p"\n', 1, "title", "correct it"),
    "a field too many": ('title = "a"\npack = "p"\ncolour = 1\n', 3, "colour", "remove it"),
    "a value outside values": (
        'title = "a"\npack = "p"\n"/gain" = 1\n',
        *(3, "/gain", "move it to [values]"),
    ),
    "values that are no table": ('title = "a"\npack = "p"\nvalues = 3\n', 3, "values", "correct"),
}
BROKEN_VALUES = {
    '"/gian" = 3': "/gian: there is no such address; did you mean /gain?",
    '"/pad/11/xy" = [0, 0]': "/pad/11/xy: there is no such address",
    '"/mode" = "lop"': "/mode: 'lop' is none of loop, shot, original",
    '"/mode" = 1': "/mode: 1 is none of loop, shot, original",
    '"/gain" = "loud"': "/gain: takes a number, got 'loud'",
    '"/gain" = true': "/gain: takes a number, got True",
    '"/gain" = 13': "/gain: 13 is not within -60...12 dB",
    '"/gain" = nan': "/gain: nan is not within -60...12 dB",
    '"/gain" = 1979-05-27': "/gain: takes a number",
    '"/focus" = inf': "/focus: inf is not within 1...256 anchors",
    '"/focus" = 2.5': "/focus: takes a whole number, got 2.5",
    '"/guard" = 2': "/guard: takes true or false, got 2",
    '"/guard" = "on"': "/guard: takes true or false, got 'on'",
    '"/axes" = 1': "/axes: takes 2 value(s), got 1",
    '"/axes" = ["brightness", "loud"]': "/axes: 'loud' is none of auto, brightness",
    '"/axes" = [0, 1.5]': "/axes: takes a whole number, got 1.5",
    '"/gain" = [[1]]': "/gain: takes a number, got [1]",
    '"/gain" = { a = 1 }': "/gain: takes a number, got {'a': 1}",
}


@pytest.mark.parametrize(("text", "line", "what", "remedy"), BROKEN.values(), ids=BROKEN)
def test_a_broken_preset_is_explained_in_one_line(
    text: str, line: int, what: str, remedy: str
) -> None:
    with pytest.raises(PresetError) as error:
        parse(text, "test.toml")
    message = str(error.value)
    assert message.startswith(f"test.toml:{line}: ") and "\n" not in message
    assert what in message and remedy in message


@pytest.mark.parametrize(("broken", "what"), BROKEN_VALUES.items())
def test_a_broken_value_is_explained_where_it_stands(broken: str, what: str) -> None:
    text = f'title = "a"\npack = "p"\n[values]\n# {broken.split()[0]}\n"/pan" = 0\n{broken}\n'
    with pytest.raises(PresetError) as error:
        parse(text, "test.toml")
    message = str(error.value)
    assert message.startswith(f"test.toml:6: {what}") and "\n" not in message
    assert message.endswith("; correct it or remove the line")


def test_further_mistakes_are_counted() -> None:
    with pytest.raises(PresetError, match=r"\(and 1 more\)$"):
        parse('title = "a"\npack = "p"\ncolour = 1\n[values]\n"/gain" = 99\n', "test.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"none\.toml: No such file.*check the path"):
        read(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'title = "a"\ndescription = "\xe9"\n')
    with pytest.raises(PresetError, match=r"latin\.toml:2: not UTF-8"):
        read(latin)


HOSTILE = {
    "5,000 brackets": (WHOLE + '"/pan" = ' + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "900 brackets": (WHOLE + '"/pan" = ' + "[" * 900 + "]" * 900, ""),
    "a table in a table, and so on": (WHOLE + "[values." + "a." * 5000 + "a]", ""),
    "a key of 500,000 parts": (WHOLE + "a." * 500_000 + "a = 1", "line 11 has more than 250 dots"),
    "5,001 digits": (WHOLE + f'"/pan" = {"9" * 5001}', "no preset does so"),
    "5,001 hexadecimal digits": (WHOLE + f'"/pan" = 0x{"f" * 5001}', "too many digits"),
    "a switch of so many": (WHOLE.replace("false", "0x" + "f" * 5001), "too many digits"),
    "a choice of so many": (WHOLE.replace('"shot"', "0x" + "f" * 5001), "too many digits"),
    "a title of so many": (WHOLE.replace('"Test"', "0x" + "f" * 5001), "title"),
    "a name of 100 kB": (WHOLE + f'"{"/pan" * 20_000}" = 1', "there is no such address"),
    "a text of 100 kB": (WHOLE + f'"/pan" = "{"x" * 100_000}"', "takes a number, got"),
    "a list of 100,000": (WHOLE + f'"/pan" = [{"1," * 100_000}]', "got 100000"),
    "ESC in a name": (WHOLE + '"/\\u001b]0;owned\\u0007" = 1', "there is no such address"),
    "ESC in a text": (WHOLE + '"/pan" = "\\u001b[2J"', "takes a number"),
    "a line end in a field": (WHOLE.replace("title", '"a\\nb"'), "title is missing"),
    "NUL in the pack": (WHOLE.replace("footsteps", "foot\\u0000steps"), "pack"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "what"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_file_holds_makes_one_short_printable_line(text: str, what: str) -> None:
    with pytest.raises(PresetError) as error:
        parse(text, "test.toml")
    message = str(error.value)
    assert message.startswith("test.toml:") and what in message
    assert message.isprintable() and len(message) < 600


def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "folder.toml").mkdir()
    for name in ("pipe", "zero", "folder"):
        with pytest.raises(PresetError, match=rf"{name}\.toml: is no file"):
            read(tmp_path / f"{name}.toml")


def test_a_file_of_more_than_a_megabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    with path.open("w") as file:
        file.write(WHOLE)
        file.truncate(1 << 32)
    with pytest.raises(PresetError, match="larger than 1 MB"):
        read(path)


def test_a_link_to_a_preset_and_a_byte_order_mark_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(WHOLE, encoding="utf-8-sig")
    (tmp_path / "link.toml").symlink_to(tmp_path / "real")
    assert read(tmp_path / "link.toml").title == "Test"
