from __future__ import annotations

from pathlib import Path

import pytest

from latentpad.controllers.learning import sweep as sweeps
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument
from tests.controllers.learning.teaching import Teacher
from tests.engine.test_sound_writer import files_of_at_most


def move(teacher: Teacher, address: str, *values: Argument) -> None:
    for value in values:
        teacher.send(address, value)


def test_what_was_learned_is_kept(teacher: Teacher, instrument: Instrument) -> None:
    teacher.learn("/pad/2/xy")
    for x, y in ((-1.0, 0.0), (1.0, 1.0), (0.0, 0.5)):
        teacher.send("/3/pad", 3, y, x)
    instrument.apply("/learn/swap", (1,))
    teacher.learn("/attack", "linear", "pickup")
    for value in (0, 127):
        teacher.keys().send([0xB0, 74, value])
    teacher.learning.close()
    path = teacher.learning._file.path
    again = Teacher(instrument, path)
    assert again.bound() == [("keys channel 1 cc 74", "/attack"), ("/3/pad", "/pad/2/xy")]
    assert set(again.learning.bindings.all) == set(teacher.learning.bindings.all)
    again.send("/3/pad", 3, 0.25, -0.5)
    assert again.point(2) == (0.25, 0.25)
    assert [file.name for file in path.parent.iterdir()] == ["bindings.toml"]


def test_every_result_is_told_and_sent_back(teacher: Teacher, instrument: Instrument) -> None:
    teacher.learn("/pan")
    teacher.learn("")
    teacher.learn("/texture")
    move(teacher, "/1/fader1", 0.1, 0.2)
    for command in ("/learn/list", "/learn/undo", "/learn/list"):
        instrument.apply(command, ())
    told = [
        "/pan: move a control",
        "nothing any more",
        "/texture: move a control",
        "/1/fader1 steers /texture (value 0…1): sweep it from edge to edge",
    ]
    assert teacher.lines[:4] == [f"learn  {line}" for line in told]
    assert [args[0] for a, args in teacher.published if a == "/learn/result"][:4] == told
    assert ("/learn/list/1", ("/1/fader1 steers /texture (value 0…1)",)) in teacher.published
    assert "1 bound" in teacher.lines[4] and "/1/fader1 steers" in teacher.lines[5]
    assert teacher.lines[6] == "learn  undone, no more: /1/fader1 steers /texture (value 0…1)"
    assert "nothing is bound" in teacher.lines[7]
    states = [args for a, args in teacher.published if a == "/learn"]
    assert states[:4] == [("/pan",), ("",), ("/texture",), ("",)]


def test_the_range_is_told_as_the_sweep_goes_on(teacher: Teacher) -> None:
    teacher.learn("/texture")
    move(teacher, "/knob", 60, 64, 127, 0, 32)
    teacher.learning.close()
    assert teacher.lines[-1] == "learn  /knob steers /texture (value 0…127)"
    assert teacher.instrument.value("/texture")[0] == pytest.approx(32 / 127)


def test_a_sweep_ends_with_a_rest(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher.learn("/texture")
    move(teacher, "/knob", 0.0, 0.5)
    monkeypatch.setattr(sweeps, "PAUSE_S", 0.0)
    move(teacher, "/knob", 100.0)
    assert teacher.instrument.value("/texture") == (1.0,)
    move(teacher, "/knob", 0.5)
    assert teacher.instrument.value("/texture") == (0.5,)


def test_a_fader_in_the_units_of_its_parameter_sends_them(teacher: Teacher) -> None:
    teacher.learn("/attack")
    move(teacher, "/seconds", 0.0, 2.0, 5.0, 2.5)
    assert teacher.instrument.value("/attack") == (2.5,)
    teacher.learn("/release")
    move(teacher, "/knob", 0, 127, 64)
    assert teacher.instrument.value("/release")[0] < 1


def test_what_was_unlearned_steers_nothing_and_can_be_had_back(
    teacher: Teacher, instrument: Instrument
) -> None:
    teacher.learn("/pad/xy")
    for value in (0.0, 1.0):
        teacher.send("/foo/x", value)
        teacher.send("/foo/y", value)
    pair = teacher.bound()
    instrument.apply("/unlearn", ("/pad/1/xy",))
    assert teacher.bound() == [] and not teacher.send("/foo/x", 0.5)
    instrument.apply("/learn/undo", ())
    assert teacher.bound() == pair and teacher.send("/foo/x", 0.5)
    instrument.apply("/unlearn", ("/foo/x",))  # by the control's own address
    assert teacher.bound() == pair[1:]
    instrument.apply("/learn/undo", ())
    instrument.apply("/learn/undo", ())
    assert teacher.bound() == []
    with pytest.raises(CommandError, match="/learn/undo: nothing"):
        instrument.apply("/learn/undo", ())
    with pytest.raises(CommandError, match="/unlearn: no control steers /gain"):
        instrument.apply("/unlearn", ("/gain",))


def test_a_swap_can_be_undone(teacher: Teacher, instrument: Instrument) -> None:
    teacher.learn("/pad/xy")
    for value in (0.1, 0.2):
        teacher.send("/1/xy", value, 0.5)
    instrument.apply("/learn/swap", (1,))
    teacher.send("/1/xy", 0.25, 0.75)
    assert teacher.point() == (0.75, 0.25)
    instrument.apply("/learn/undo", ())
    teacher.send("/1/xy", 0.25, 0.75)
    assert teacher.point() == (0.25, 0.75)


def test_the_release_of_a_button_does_not_undo(teacher: Teacher, instrument: Instrument) -> None:
    teacher.learn("/texture")
    move(teacher, "/knob", 0.0, 0.5)
    instrument.apply("/learn/undo", (0,))
    assert teacher.bound()
    instrument.apply("/learn/undo", (1,))
    assert not teacher.bound()


@pytest.mark.parametrize("args", [(), (1,), ("/gain", "steep"), ("/gain", 1)])
def test_learn_takes_an_address_and_its_options(
    teacher: Teacher, args: tuple[str | int, ...]
) -> None:
    with pytest.raises(CommandError, match="/learn"):
        teacher.instrument.apply("/learn", args)


@pytest.mark.parametrize(
    ("wanted", "address", "args", "why"),
    [
        ("/pad/2/xy", "/1/fader1", (0.5,), "/1/fader1 sends one number, /pad/2/xy takes two"),
        ("/pad/2/xy", "/label", ("hi",), "/label sends one number"),
        ("/texture", "/label", ("hi",), "/label sends no number"),
    ],
)
def test_what_cannot_be_learned_is_told_once(
    teacher: Teacher, wanted: str, address: str, args: tuple[Argument, ...], why: str
) -> None:
    teacher.learn(wanted)
    for _ in range(3):
        teacher.send(address, *args)
    assert sum(why in line for line in teacher.lines) == (why in teacher.lines[-1]) == 1


def test_a_message_of_another_form_is_refused_with_what_was_learned(teacher: Teacher) -> None:
    teacher.learn("/pad/xy")
    for value in (0.1, 0.2):
        teacher.send("/pads", 3, value, value)
    with pytest.raises(CommandError, match=r"/pads steers /pad/xy \(3 x 0…1 y 0…1\)"):
        teacher.learning.osc("/pads", (4, 0.5, 0.5))


def test_values_that_are_no_numbers_move_nothing(teacher: Teacher) -> None:
    teacher.learn("/texture")
    move(teacher, "/knob", 0.0, float("nan"), float("inf"), 0.5)
    assert teacher.bound() == [("/knob", "/texture")]
    assert not teacher.send("/knob", float("nan"))
    assert teacher.instrument.value("/texture") == (0.5,)


def test_feedback_comes_under_the_learned_address_in_its_own_order_and_range(
    teacher: Teacher, instrument: Instrument
) -> None:
    teacher.learn("/pad/2/xy")
    for x, y in ((-1.0, 0.0), (1.0, 127.0)):
        teacher.send("/3/pad", "left", y, 7, x)
    instrument.apply("/learn/swap", (1,))
    teacher.learn("/gain")
    move(teacher, "/1/fader1", 0.0, 1.0)
    teacher.published.clear()
    instrument.apply("/pad/2/xy", (0.25, 1.0))
    instrument.apply("/gain", (-24.0,))
    assert teacher.published == [
        ("/3/pad", ("left", 127.0, 7, -0.5)),
        ("/1/fader1", (pytest.approx(0.5),)),
    ]
    assert dict(teacher.learning.values()) == dict(teacher.published)


def test_a_binding_that_cannot_be_written_holds_and_is_told(
    teacher: Teacher, instrument: Instrument
) -> None:
    teacher.learning._file.path.parent.mkdir(parents=True)
    with files_of_at_most(5):
        teacher.learn("/texture")
        move(teacher, "/knob", 0.0, 0.5)
        teacher.learning.close()
    assert "not kept" in teacher.lines[-1] and "too large" in teacher.lines[-1]
    move(teacher, "/knob", 0.25)
    assert instrument.value("/texture") == (0.25,)
    assert list(teacher.learning._file.path.parent.iterdir()) == []


def test_any_number_of_unknown_addresses_is_watched_within_bounds(
    teacher: Teacher, tmp_path: Path
) -> None:
    teacher.learn("/texture")
    for k in range(5000):
        teacher.send(f"/flood/{k}", 0.5)
    assert len(teacher.learning._learner._osc) <= 256
    assert len(teacher.lines) == 1


def test_what_goes_beyond_the_learned_range_is_clamped_and_told_once(
    teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher.learn("/texture")
    move(teacher, "/knob", 0, 64)
    monkeypatch.setattr(sweeps, "PAUSE_S", -1.0)
    move(teacher, "/knob", 127, 120, 32)
    assert teacher.instrument.value("/texture") == (0.5,)
    told = [line for line in teacher.lines if "127" in line]
    assert told == ["learn  /knob: value is 127, learned was 0…64; /learn it again to widen it"]


def test_an_order_holds_for_one_pad_and_that_is_sent_back(
    teacher: Teacher, instrument: Instrument
) -> None:
    instrument.apply("/learn/swap", (1,))
    for name, point in (("/1/xy", (0.75, 0.25)), ("/2/xy", (0.25, 0.75))):
        teacher.learn("/pad/xy")
        teacher.send(name, 0.0, 0.5)
        teacher.send(name, 0.25, 0.75)
        assert teacher.point() == point
    assert [args for a, args in teacher.published if a == "/learn/swap"] == [(1,), (0,)]
