from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.keyboard.keys import (
    AT_ONCE,
    BURST,
    DRAG_S,
    HIGHEST,
    LOWEST,
    NOTE_S,
    Keys,
    keys,
)
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from tests.controllers.hands import OTHER, Played

PRESETS = ("walk", "drone", "gravel", "kit")


class Typed(Played):
    """With keys, and what they have said."""

    def __init__(self, mode: str = "loop", preset: str = "walk") -> None:
        super().__init__(mode)
        self.lines: list[str] = []
        self.loaded: list[Argument] = []
        self.instrument.register("/preset", self._load)
        self.keys = Keys(self.instrument, lambda: PRESETS, preset, self.lines.append)

    def _load(self, args: Sequence[Argument], sender: Sender) -> None:
        if args[0] == 3 or not 0 <= int(args[0]) < len(PRESETS):
            raise CommandError(f"/preset: there is no preset {args[0]} for this pack")
        self.loaded.append(args[0])

    def type(self, *pressed: str, each_s: float = 0.0) -> None:
        for key in pressed:
            self.keys.hear([key])
            self.wait(each_s)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 1 / 60, end)
            self.keys.step()


def test_arrows_start_the_sound_and_glide_to_where_they_lead() -> None:
    played = Typed()
    played.type("right", "right", "up")
    assert played.said("/pad/1/touch") == [(1,)]
    assert played.heard[0][1:] == ("/pad/1/touch", (1,))  # before it moves
    played.wait(1.0)
    assert played.point == pytest.approx((0.54, 0.52))
    steps = [float(x) for x, _ in played.said("/pad/1/xy")]
    assert len(steps) > 5 and steps == sorted(steps)
    assert max(b - a for a, b in itertools.pairwise(steps)) < 0.03
    assert played.said("/pad/1/touch") == [(1,)]
    assert {sender for sender, *_ in played.heard} == {"keys"}
    assert played.lines == ["point  0.54 0.52"]


def test_far_arrows_go_farther_and_the_edge_is_the_end() -> None:
    played = Typed()
    played.type("far-left")
    played.wait(1.0)
    assert played.point == pytest.approx((0.4, 0.5))
    played.type(*["far-left"] * 9, each_s=0.02)
    played.wait(1.0)
    assert played.point == pytest.approx((0.0, 0.5))
    played.type("right")
    played.wait(1.0)
    assert played.point == pytest.approx((0.02, 0.5))


def test_arrows_go_on_from_where_others_have_moved() -> None:
    played = Typed()
    played.type("up")
    played.wait(1.0)
    played.instrument.apply("/pad/xy", (0.1, 0.2), OTHER)
    played.type("up")
    played.wait(1.0)
    assert played.point == pytest.approx((0.1, 0.22))


def test_space_starts_a_loop_and_lets_it_go() -> None:
    played = Typed()
    played.type(" ", each_s=0.5)
    assert played.touched() == {1}
    played.type(" ", each_s=0.5)
    assert played.touched() == set()
    assert played.said("/pad/1/touch") == [(1,), (0,)]
    assert played.lines == ["touch  starts", "touch  let go"]


def test_space_lets_go_what_somebody_else_has_started() -> None:
    played = Typed()
    played.instrument.apply("/pad/1/touch", (1,), OTHER)
    played.type(" ")
    assert played.touched() == set()


def test_a_glide_does_not_start_what_was_let_go_meanwhile() -> None:
    played = Typed()
    played.type("far-up")
    played.keys.step()
    played.type(" ")
    played.wait(1.0)
    assert played.touched() == set()


def test_a_space_bar_that_is_held_is_one_touch() -> None:
    played = Typed()
    played.type(*[" "] * 30, each_s=0.03)
    assert played.said("/pad/1/touch") == [(1,)]


@pytest.mark.parametrize("mode", ["shot", "original"])
def test_space_plays_a_shot_and_holds_nothing(mode: str) -> None:
    played = Typed(mode)
    played.type(" ", " ", " ", each_s=0.3)
    assert played.said("/pad/1/touch") == [(1,), (0,)] * 3
    assert played.touched() == set() and played.lines == []


def test_an_arrow_plays_a_shot_where_it_leads() -> None:
    played = Typed("shot")
    played.type("right", each_s=1.0)
    assert [address for _, address, _ in played.heard] == [
        "/pad/1/xy", "/pad/1/touch", "/pad/1/touch",
    ]  # fmt: skip
    assert played.point == pytest.approx((0.52, 0.5))


def test_an_arrow_that_is_held_plays_shots_now_and_then_and_one_at_its_end() -> None:
    played = Typed("shot")
    played.type(*["right"] * 10, each_s=0.03)
    played.wait(1.0)
    shots = played.said("/pad/1/touch").count((1,))
    assert 2 <= shots <= 2 + 0.3 / DRAG_S
    assert played.heard[-1][1:] == ("/pad/1/touch", (0,))
    assert played.point == pytest.approx((0.7, 0.5))
    last_move = max(i for i, heard in enumerate(played.heard) if heard[1] == "/pad/1/xy")
    assert last_move < max(i for i, heard in enumerate(played.heard) if heard[2] == (1,))


def test_letters_are_notes_that_end_by_themselves() -> None:
    played = Typed()
    played.type("a", "w", "k")
    assert played.said("/note") == [(60, 100), (61, 100), (72, 100)]
    played.wait(NOTE_S + 0.1)
    assert played.said("/note")[3:] == [(60, 0), (61, 0), (72, 0)]
    assert not played.keys.busy


def test_a_letter_that_is_held_is_one_note() -> None:
    played = Typed()
    played.type(*["a"] * 40, each_s=0.04)
    assert played.said("/note") == [(60, 100)]
    played.wait(NOTE_S)
    assert played.said("/note") == [(60, 100), (60, 0)]


def test_octaves_go_up_and_down_as_far_as_notes_do() -> None:
    played = Typed()
    for key, end in (("x", HIGHEST), ("z", LOWEST)):
        played.type(*[key] * 12, each_s=0.2)
        played.type("a", each_s=0.2)
        assert played.said("/note")[-1] == (end, 100)
        played.wait(1.0)
    assert played.lines[0] == "notes  from C5 (MIDI 72)"


def test_digits_are_the_presets_of_the_list() -> None:
    played = Typed()
    played.type("2", "1", each_s=0.2)
    assert played.loaded == [2, 1]


def test_n_and_p_go_through_the_presets_and_past_those_that_are_refused() -> None:
    played = Typed(preset="gravel")
    played.type("n", "n", "p", "p", "P", each_s=0.2)
    assert played.loaded == [0, 2, 1]
    assert played.lines[0] == "keys   /preset: there is no preset 3 for this pack"
    assert Typed(preset="mine.toml").keys._number == -1


def test_a_refused_preset_says_why() -> None:
    played = Typed()
    played.type("9")
    assert played.lines == ["keys   /preset: there is no preset 9 for this pack"]


def test_backspace_is_silence_at_once() -> None:
    played = Typed()
    played.type("far-up", "a", "backspace")
    at = len(played.heard)
    played.wait(2.0)
    assert played.heard[at - 1][1] == "/panic" and len(played.heard) == at
    assert played.touched() == set()


def test_the_question_mark_shows_every_key_and_the_presets() -> None:
    played = Typed()
    played.type("?")
    assert played.lines == list(keys(PRESETS))
    assert "0 walk, 1 drone, 2 gravel, 3 kit" in played.lines[-1]
    assert all(len(line) < 100 for line in played.lines)


def test_a_key_that_does_nothing_is_told_of_now_and_then() -> None:
    played = Typed()
    played.type(*["q", "enter", "é", "escape"] * 20, each_s=0.11)
    assert 1 <= len(played.lines) <= 1 + 80 * 0.11 / 2.0
    assert played.lines[0] == "keys   q does nothing; ? shows what there is"
    assert played.heard == []


def test_a_paste_is_not_played() -> None:
    played = Typed()
    played.type("q")
    played.keys.hear(["1", " ", "a"] * AT_ONCE)
    assert played.heard == [] and played.loaded == []
    assert played.lines[1:] == ["keys   more came at once than anybody plays: not taken"]


def test_the_key_that_silences_is_taken_from_a_paste_too() -> None:
    played = Typed()
    played.type(" ")
    played.keys.hear([*["1"] * AT_ONCE, "backspace"])
    assert played.loaded == [] and played.said("/panic") == [()]


@given(st.lists(st.sampled_from(["a", "s", " ", "1", "right", "n", "é"]), max_size=400))
def test_no_flood_plays_more_than_a_person_could(pressed: list[str]) -> None:
    played = Typed()
    for at in range(0, len(pressed), AT_ONCE):
        played.keys.hear(pressed[at : at + AT_ONCE])
    assert len(played.loaded) + len(played.said("/note")) <= BURST
    assert len(played.lines) <= BURST + 1
