"""Replays on an instrument without a playing process: the test moves the tape on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.replay import PAUSE_S, REPLAY, Replay, control
from latentpad.engine.gestures import GestureRecording
from latentpad.engine.parameters import FINGERS
from latentpad.engine.tape import hop_of

HAND = Sender("osc 192.168.1.2", 5000)
RATE = 48000
TAKE: dict[str, Any] = {"touches": True, "sounds": True}
Heard = tuple[str, tuple[Argument, ...], str]


class Stage:
    """An instrument, what it has heard, and the replays of one recording."""

    def __init__(self, instrument: Instrument, path: Path) -> None:
        self.instrument, self.path = instrument, path
        self.heard: list[Heard] = []
        self.refused: list[str] = []
        self.ended: list[str] = []
        self.packs: list[str] = []
        self.looping = False
        self.replay: Replay | None = None
        instrument.taps.append(
            lambda a, args, sender: self.heard.append((a, (*args,), sender.group))
        )

    def _hear(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        self.heard.append((address, tuple(args), sender.group))

    def write(self, *lines: tuple[float, str, list[Any]], head: dict[str, Any] = TAKE) -> None:
        messages = ({"t": t, "address": address, "args": args} for t, address, args in lines)
        self.path.write_text("".join(json.dumps(m) + "\n" for m in (head, *messages)))

    def begin(self, *taken: str) -> Replay:
        self.replay = Replay(
            self.instrument,
            GestureRecording(self.path, whole=False),
            change_pack=self._change_pack,
            report=self._report,
            loops=lambda: self.looping,
            ended=self.ended.append,
            taken=taken,
        )
        self.replay.start()
        return self.replay

    def _change_pack(self, name: str, heard: Callable[[], None]) -> None:
        self.packs.append(name)
        self.instrument.apply("/texture", (0.5,))  # as another pack brings its own values
        heard()

    def _report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        if error is not None:
            self.refused.append(str(error))

    def play_on(self, seconds: float) -> None:
        """Let the sound go on by so much."""
        self.instrument.board.tape_head[0] += round(seconds * RATE)

    def over(self) -> list[str]:
        """The reasons of the ends, once the replay has ended."""
        assert self.replay is not None
        self.replay.join(10)
        return self.ended

    def said(self, address: str) -> list[tuple[Argument, ...]]:
        return [args for heard, args, _ in self.heard if heard == address]

    def until(self, address: str, count: int = 1) -> None:
        end = time.monotonic() + 10
        while len(self.said(address)) < count:
            assert time.monotonic() < end, self.heard
            time.sleep(0.002)

    def held(self) -> set[int]:
        return {n for n in range(1, FINGERS + 1) if self.instrument.down(n)}

    @property
    def voices(self) -> int:
        return len(self.instrument.state().held)


@pytest.fixture
def stage(instrument: Instrument, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(instrument, tmp_path / "take.jsonl")
    yield stage
    if stage.replay is not None:
        stage.replay.stop()
        stage.replay.join(10)


def test_a_message_is_carried_out_when_its_hop_is_the_next_and_not_before(stage: Stage) -> None:
    hop = hop_of(stage.instrument.board) / RATE
    stage.write((0.0, "/morph", [0.5]), (100 * hop, "/texture", [0.25]), (1.0, "/take/end", []))
    stage.begin()
    stage.until("/morph")
    stage.play_on(99 * hop)
    time.sleep(0.2)
    assert not stage.said("/texture")
    stage.play_on(hop)
    stage.until("/texture")
    assert not stage.ended
    stage.play_on(1.0 - 100 * hop)
    assert stage.over() == [""]


def test_while_the_sound_stands_still_or_the_program_is_stopped_nothing_is_carried_out(
    stage: Stage,
) -> None:
    stage.write((0.0, "/morph", [0.5]), (0.3, "/texture", [0.25]), (0.4, "/take/end", []))
    stage.begin()
    stage.until("/morph")
    time.sleep(0.5)
    stage.play_on(2 * PAUSE_S)  # as if its thread had not run meanwhile
    time.sleep(0.2)
    assert not stage.said("/texture")
    stage.play_on(0.3)
    stage.until("/texture")


def test_a_control_that_the_performer_moves_is_the_performers_until_the_end(stage: Stage) -> None:
    stage.write(
        (0.0, "/morph", [0.5]),
        (0.0, "/texture", [0.1]),
        (0.2, "/morph", [1.0]),
        (0.2, "/texture", [0.2]),
        (0.4, "/take/end", []),
    )
    stage.looping = True
    stage.begin()
    stage.until("/texture")
    stage.instrument.apply("/morph", (3.0,), HAND)
    stage.play_on(0.2)
    stage.until("/texture", 2)
    stage.play_on(0.2)
    stage.until("/texture", 3)
    assert stage.instrument.value("/morph") == (3.0,)
    assert stage.said("/morph") == [(0.5,), (3.0,)]


def test_a_finger_that_the_performer_touches_is_not_moved_started_or_released(
    stage: Stage,
) -> None:
    stage.write(
        (0.0, "/pad/1/xy", [0.1, 0.1]),
        (0.0, "/pad/1/touch", [1]),
        (0.0, "/pad/2/touch", [1]),
        (0.2, "/pad/xy", [0.9, 0.9]),
        (0.2, "/latent/1", [2.0]),
        (0.2, "/pad/1/touch", [0]),
        (0.2, "/pad/2/touch", [0]),
        (0.4, "/take/end", []),
    )
    stage.begin()
    stage.until("/pad/2/touch")
    stage.instrument.apply("/pad/1/touch", (1,), HAND)
    stage.instrument.apply("/pad/1/xy", (0.5, 0.25), HAND)
    stage.play_on(0.2)
    stage.until("/pad/2/touch", 2)
    assert stage.held() == {1} and not stage.said("/latent")
    assert stage.instrument.args_of("/pad/1/xy") == (0.5, 0.25)
    stage.play_on(0.2)
    assert stage.over() == [""]
    assert stage.held() == {1}  # the performer still holds it


def test_a_finger_that_is_held_when_the_replay_begins_stays_the_performers(stage: Stage) -> None:
    stage.instrument.apply("/pad/3/touch", (1,), HAND)
    stage.write((0.0, "/pad/3/touch", [0]), (0.0, "/morph", [0.5]), (0.1, "/take/end", []))
    stage.begin()
    stage.play_on(0.2)
    assert stage.over() == [""] and stage.held() == {3}


@pytest.mark.parametrize("ending", ["the take's", "/take/stop", "a wrong line", "/panic"])
def test_whatever_ends_it_nothing_that_it_started_hangs(stage: Stage, ending: str) -> None:
    stage.write(
        (0.0, "/pad/1/touch", [1]),
        (0.0, "/pad/7/touch", [1]),
        (0.0, "/note", [60, 100]),
        (0.0, "/note", [64, 100]),
        (0.1, "/morph", [0.5]),
        (0.2, "/take/end" if ending != "a wrong line" else "no address", []),
    )
    replay = stage.begin()
    stage.until("/note", 2)
    stage.instrument.apply("/note", (40, 100), Sender("midi keys 1"))
    assert stage.voices == 5
    if ending == "/take/stop":
        replay.stop()
    elif ending == "/panic":
        stage.instrument.apply("/panic", (), HAND)
    else:
        stage.play_on(0.25)
    (reason,) = stage.over()
    assert ("line 7" in reason) == (ending == "a wrong line")
    assert stage.voices == (0 if ending == "/panic" else 1)
    assert not [tap for tap in stage.instrument.taps if getattr(tap, "__self__", None) is replay]


def test_voices_of_moves_without_touches_are_released_too(stage: Stage) -> None:
    """As other programs write recordings; such a voice is held by nobody."""
    stage.write((0.0, "/pad/xy", [0.1, 0.2]), (0.2, "/pad/xy", [0.3, 0.2]), head={})
    for _ in range(2):  # the second time as the first
        begun = len(stage.heard)
        replay = stage.begin()
        end = time.monotonic() + 10
        while not stage.held():
            assert time.monotonic() < end
            time.sleep(0.002)
        stage.play_on(0.25)
        replay.join(10)
        assert not stage.held() and stage.voices == 0
        assert ("/pad/1/touch", (1,), REPLAY.group) in stage.heard[begun:]


def test_rounds_follow_each_other_without_a_gap_and_end_when_told(stage: Stage) -> None:
    stage.write((0.0, "/pad/1/touch", [1]), (0.1, "/texture", [0.3]), (0.25, "/take/end", []))
    stage.looping = True
    stage.begin()
    for round_ in range(1, 5):
        stage.until("/texture", round_ - 1)
        assert stage.said("/pad/1/touch").count((1,)) <= round_
        stage.play_on(0.25 if round_ > 1 else 0.1)
    stage.until("/texture", 4)
    assert stage.held() == {1}
    stage.looping = False
    stage.play_on(0.15)
    assert stage.over() == [""] and not stage.held()


def test_a_recording_without_length_is_not_repeated(stage: Stage) -> None:
    stage.write((0.0, "/morph", [0.5]))
    stage.looping = True
    stage.begin()
    assert stage.over() == [""] and len(stage.said("/morph")) == 1


def test_a_panic_in_the_recording_silences_nothing_of_the_performers(stage: Stage) -> None:
    stage.write((0.0, "/pad/2/touch", [1]), (0.2, "/panic", []), (0.3, "/morph", [0.2]))
    stage.begin()
    stage.until("/pad/2/touch")
    stage.instrument.apply("/note", (60, 100), HAND)
    stage.play_on(0.3)
    stage.until("/morph")
    assert stage.voices == 1 and not stage.held() and not stage.said("/panic")
    stage.over()
    stage.instrument.release_all()
    stage.begin()
    stage.play_on(0.3)
    stage.until("/morph", 2)
    assert stage.said("/panic") == [()]


def test_commands_that_touch_files_are_refused_and_the_rest_goes_on(stage: Stage) -> None:
    stage.instrument.register_stages("/preset/save", lambda args, sender: iter([None] * 3))
    stage.instrument.register("/sync", lambda args, sender: None)
    stage.write(
        (0.0, "/preset/save", ["mine"]),
        (0.0, "/sync", []),
        (0.0, "/no/such", [1]),
        (0.0, "/texture", ["loud"]),
        (0.0, "/morph", [0.5]),
    )
    stage.begin()
    assert stage.over() == [""]
    assert stage.refused[0].startswith("/preset/save") and len(stage.refused) == 4
    assert stage.said("/morph") == [(0.5,)]


def test_a_change_of_pack_is_the_takes_and_takes_no_control_away(stage: Stage) -> None:
    stage.write((0.0, "/pack", ["other"]), (0.0, "/texture", [0.1]), (0.1, "/texture", [0.2]))
    stage.begin()
    stage.until("/texture", 2)
    stage.play_on(0.1)
    assert stage.over() == [""]
    assert stage.packs == ["other"]
    assert stage.said("/texture") == [(0.5,), (0.1,), (0.2,)]


def test_what_the_room_has_set_is_left_alone(stage: Stage) -> None:
    stage.write((0.0, "/gain", [-3.0]), (0.0, "/morph", [0.5]))
    stage.begin("/gain")
    stage.over()
    assert stage.said("/morph") and not stage.said("/gain")


def test_the_replays_messages_are_its_own_and_those_without_a_sender_nobodys(
    stage: Stage,
) -> None:
    stage.path.write_text(
        json.dumps(TAKE)
        + '\n{"t": 0, "address": "/pad/1/xy", "args": [0.2, 0.3], "from": 0}'
        + '\n{"t": 0, "address": "/pad/1/touch", "args": [1], "from": 0}'
        + '\n{"t": 0, "address": "/note", "args": [60, 90], "from": 2, "by": "midi keys 1"}\n'
    )
    stage.begin()
    stage.over()
    groups = {(address, args): group for address, args, group in stage.heard}
    assert groups["/pad/1/xy", (0.2, 0.3)] == NOBODY.group
    assert groups["/pad/1/touch", (1,)] == REPLAY.group
    assert groups["/note", (60, 90)] == f"{REPLAY.group}-2"


@pytest.mark.parametrize(
    ("address", "moved"),
    [
        ("/pad/xy", "/pad/1"), ("/pad/1/x", "/pad/1"), ("/pad/touch", "/pad/1"),
        ("/pad/10/touch", "/pad/10"), ("/pad/2/level", "/pad/2/level"), ("/latent", "/pad/1"),
        ("/latent/3", "/pad/1"), ("/anchor/12", "/pad/1"), ("/lattice/12", "/pad/1"),
        ("/lattice/base", "/lattice/base"), ("/morph", "/morph"),
    ],
)  # fmt: skip
def test_what_points_the_same_finger_is_one_control(address: str, moved: str) -> None:
    assert control(address) == moved
