from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from latentpad.engine.control.takes import TakeError
from latentpad.engine.gestures import MAX_LINE_BYTES, GestureRecording

HEAD = '{"preset": "walk", "pack": "footsteps", "seed": 0}\n'
NOTE = '{"t": 0.5, "address": "/note", "args": [60, 100]}\n'
PAD = '{"t": 1, "address": "/pad/xy", "args": [0.25, 0.75]}\n'
READ = [(0.5, "/note", [60, 100]), (1.0, "/pad/xy", [0.25, 0.75])]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "take.jsonl"


READABLE = {
    "as a take": HEAD + NOTE + PAD,
    "blank lines": "\n" + HEAD + "\n \t\n" + NOTE + "\n" + PAD + "\n\n",
    "Windows' line ends": (HEAD + NOTE + PAD).replace("\n", "\r\n"),
    "Windows' blank lines": (HEAD + "\n" + NOTE + PAD + "\n").replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + HEAD + NOTE + PAD,
    "spaces around": "".join(f"  {line[:-1]} \t\n" for line in (HEAD, NOTE, PAD)),
    "no line end at the end": (HEAD + NOTE + PAD)[:-1],
    "a last line that was cut off": HEAD + NOTE + PAD + '{"t": 1.5, "addr',
    "a last line cut off in a letter": (HEAD + NOTE + PAD).encode() + b'{"t": 2, "args": ["\xc3',
    "zeros that a power cut left": HEAD + NOTE + PAD + "\0" * 100,
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_a_recording_is_read_as_editors_and_kills_leave_it(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    gestures = GestureRecording(path)
    assert gestures.head == {"preset": "walk", "pack": "footsteps", "seed": 0}
    assert [*gestures] == READ == [*gestures]
    assert gestures.seconds == 1.0


def test_a_cut_last_line_is_told(path: Path) -> None:
    path.write_text(HEAD + NOTE)
    assert not GestureRecording(path).truncated
    path.write_text(HEAD + NOTE + PAD[:-5])
    assert GestureRecording(path).truncated


@pytest.mark.parametrize(
    ("text", "fingers"),
    [
        (HEAD + PAD, set()),
        (HEAD + PAD + '{"t": 1, "address": "/pad/touch", "args": [1]}\n', {1}),
        (HEAD + PAD + '{"t": 1, "address": "/pad/10/touch", "args": [true]}\n', {10}),
        (HEAD + PAD + '{"t": 1, "address": "/pad/2/touch", "args": [0]}\n', set()),
        (HEAD + PAD + '{"t": 1, "address": "/pad/11/touch", "args": [1]}\n', set()),
        (HEAD + PAD + '{"t": 1, "address": "/pad/2/touch", "args": ["1"]}\n', set()),
        ('{"touches": false}\n' + PAD, set()),
        ('{"touches": true}\n' + PAD, set(range(1, 11))),
    ],
)
def test_the_fingers_whose_touches_are_told_are_known(
    path: Path, text: str, fingers: set[int]
) -> None:
    path.write_text(text)
    assert GestureRecording(path).touch_fingers == fingers


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b", "\x0c"])
def test_only_a_line_feed_ends_a_line(path: Path, separator: str) -> None:
    path.write_text(HEAD + f'{{"t": 0, "address": "/preset", "args": ["a{separator}b"]}}\n')
    if separator in "\x0b\x0c":  # no JSON, and one line
        with pytest.raises(TakeError, match="line 2: not JSON"):
            GestureRecording(path)
    else:
        assert [*GestureRecording(path)] == [(0.0, "/preset", [f"a{separator}b"])]


def test_a_recording_tells_how_long_it_is_by_its_last_line(path: Path) -> None:
    end = '{"t": 6.5, "address": "/take/end", "args": []}\n'
    path.write_text(HEAD + NOTE + PAD + end)
    gestures = GestureRecording(path)
    assert gestures.end == gestures.seconds == 6.5 and [*gestures] == READ
    path.write_text(HEAD + NOTE + PAD)
    assert GestureRecording(path).end is None
    path.write_text(HEAD + NOTE + PAD + end + NOTE.replace("0.5", "7"))  # joined by hand
    assert GestureRecording(path).end is None and GestureRecording(path).seconds == 7.0


def test_who_sent_a_message_is_told_where_it_says_so(path: Path) -> None:
    path.write_text(
        HEAD + NOTE + NOTE.replace("}", ', "from": 2}') + NOTE.replace("}", ', "from": 0}')
    )
    assert [message.sender for message in GestureRecording(path)] == [None, 2, 0]


def test_who_sent_a_message_has_a_name_where_it_has_one_and_nothing_depends_on_it(
    path: Path,
) -> None:
    path.write_text(
        HEAD + NOTE + NOTE.replace("}", ', "by": "midi keys 1"}') + PAD.replace("}", ', "by": 3}')
    )
    gestures = GestureRecording(path)
    assert [message.by for message in gestures] == ["", "midi keys 1", ""]
    assert [*gestures] == [READ[0], *READ]


def test_of_a_take_only_the_beginning_need_be_read(path: Path) -> None:
    path.write_text('{"touches": true}\n' + NOTE + "no line\n")
    take = GestureRecording(path, whole=False)
    assert take.self_contained and take.touch_fingers == {*range(1, 11)}
    with pytest.raises(TakeError, match="line 3"):
        list(take)
    path.write_text(HEAD + NOTE + "no line\n")  # of another recording all of it
    with pytest.raises(TakeError, match="line 3"):
        GestureRecording(path, whole=False)
    path.write_text(HEAD + NOTE + PAD.replace("xy", "touch"))
    assert GestureRecording(path, whole=False).seconds == 1.0


def message(t: str = "0", address: str = '"/note"', args: str = "[60]") -> str:
    return f'{{"t": {t}, "address": {address}, "args": {args}}}\n'


BROKEN = {
    "deep lists": (HEAD + NOTE + message(args="[" * 5000 + "]" * 5000), 3, "nested too deeply"),
    "deep objects": (HEAD + '{"a":' * 5000 + "1" + "}" * 5000 + "\n", 2, "nested too deeply"),
    "a deep head": ("[" * 5000 + "\n", 1, "nested too deeply"),
    "an argument of 5,001 digits": (HEAD + message(args=f"[{'9' * 5001}]"), 2, "not JSON"),
    "a time of 5,001 digits": (HEAD + message(t="9" * 5001), 2, "not JSON"),
    "a time of 400 digits": (HEAD + message(t="9" * 400), 2, "t: a time in seconds"),
    "an argument of 400 digits": (HEAD + message(args=f"[{'9' * 400}]"), 2, "args: a list"),
    "an argument beyond floats": (HEAD + message(args="[1e999]"), 2, "args: a list"),
    "a time beyond floats": (HEAD + message(t="1e999"), 2, "t: a time"),
    "NaN": (HEAD + message(args="[NaN]"), 2, "NaN is no number"),
    "Infinity": (HEAD + message(t="-Infinity"), 2, "-Infinity is no number"),
    "a time that is true": (HEAD + message(t="true"), 2, "t: a time in seconds"),
    "a time that is text": (HEAD + message(t='"1"'), 2, "t: a time"),
    "a time before the last": (HEAD + message(t="2") + "\n" + message(t="1"), 4, "must rise"),
    "nothing": (HEAD + message(args="[null]"), 2, "args: a list"),
    "a list in the list": (HEAD + message(args="[[1]]"), 2, "args: a list"),
    "a key that is there twice": (HEAD + '{"t": 0, "t": 1, "address": "/a", "args": []}\n', 2,
                                  "t is there twice"),
    "a line that is too long": (HEAD + message(args=f'["{"x" * MAX_LINE_BYTES}"]'), 2,
                               "longer than 64 kB"),
    "a last line that is too long": (HEAD + "x" * (MAX_LINE_BYTES + 1), 2, "longer than 64 kB"),
    "a line that is no object": (HEAD + "3\n", 2, "expected a JSON object"),
    "no head": (NOTE + PAD, 1, "is a message"),
    "a preset that is none": ('{"preset": [1]}\n', 1, "preset: a name"),
    "a pack with a NUL": ('{"pack": "a\\u0000b"}\n', 1, "pack: a name"),
    "a library with half a letter": ('{"library": "a\\ud800"}\n', 1, "library: a name"),
    "a seed of text": ('{"seed": "x"}\n', 1, "seed: a whole number"),
    "a sender of text": (HEAD + NOTE.replace("}", ', "from": "x"}'), 2, "from: a whole number"),
    "half a letter": (HEAD.encode() + b'{"t": 0, "address": "\xff"}\n', 2, "not UTF-8"),
    "UTF-16": ((HEAD + NOTE).encode("utf-16"), 1, "not UTF-8"),
    "ESC": (HEAD + message(address='"\\u001b]0;owned\\u0007"'), 2, "is no OSC address"),
    "touches that are no yes or no": ('{"touches": 1}\n', 1, "touches: true or false"),
    "a cut head": ('{"preset": "wal', 1, "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "what"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_told_in_one_line_with_its_number(
    path: Path, text: str | bytes, line: int, what: str
) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TakeError) as error:
        GestureRecording(path)
    said = str(error.value)
    assert said.startswith(f"{path}, line {line}: ") and what in said
    assert said.isprintable() and len(said) < len(str(path)) + 300


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " \r\n"])
def test_an_empty_file_is_told(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(TakeError, match="is empty"):
        GestureRecording(path)


def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, what in (("pipe", "is no file"), ("zero", "is no file"), (".", "is no file"),
                       ("gone", "No such file"), ("a\0b", "no file of such a name")):  # fmt: skip
        with pytest.raises(TakeError, match=what):
            GestureRecording(tmp_path / name)


def test_a_long_recording_takes_no_memory(path: Path) -> None:
    count = 20_000
    with path.open("w") as file:
        file.write(HEAD)
        for k in range(count):
            file.write(f'{{"t": {k / 100}, "address": "/pad/xy", "args": [0.5, 0.5]}}\n')
    tracemalloc.start()
    try:
        gestures = GestureRecording(path)
        assert sum(1 for _ in gestures) == count and gestures.seconds == (count - 1) / 100
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
