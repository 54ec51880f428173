from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.midi.backlog import KEPT, MOST, Backlog
from latentpad.controllers.midi.change import FINE, Change
from latentpad.controllers.midi.courier import Courier


def taken(backlog: Backlog) -> list[Change]:
    return [change for word in backlog.take() for change in word.get("changes", ())]


changes = st.one_of(
    st.builds(
        Change, st.just("note"), st.integers(1, 3), st.integers(0, 5), st.sampled_from((0, 99))
    ),
    st.builds(Change, st.just("cc"), st.integers(1, 3), st.integers(60, 76), st.integers(0, 127)),
    st.builds(
        Change, st.just("bend"), st.integers(1, 3), st.just(0), st.integers(0, FINE), st.just(FINE)
    ),
)


def test_few_changes_are_all_sent_in_order() -> None:
    backlog = Backlog()
    sent = [Change("cc", 1, 74, value) for value in range(KEPT)]
    for change in sent:
        backlog.add("keys", change)
    assert taken(backlog) == sent and not len(backlog)


@given(st.lists(changes, max_size=600))
def test_behind_events_keep_their_order_and_values_are_the_newest(sent: list[Change]) -> None:
    backlog = Backlog()
    for change in sent:
        backlog.add("keys", change)
    heard = taken(backlog)

    def events(all_of: list[Change]) -> list[Change]:
        return [c for c in all_of if c.kind == "note" or c.number in range(64, 70)]

    assert events(heard) == events(sent)
    newest = {(c.kind, c.channel, c.number): c for c in sent}
    assert {(c.kind, c.channel, c.number): c for c in heard} == newest
    assert backlog.dropped == 0


def test_a_button_pressed_and_released_meanwhile_is_both() -> None:
    backlog = Backlog()
    for k in range(KEPT):
        backlog.add("keys", Change("note", 1, k, 99))
    for value in (127, 0):
        backlog.add("pads", Change("cc", 1, 20, value))
    assert taken(backlog)[KEPT:] == [Change("cc", 1, 20, 127), Change("cc", 1, 20, 0)]


@given(st.lists(st.tuples(st.integers(1, 16), st.integers(0, 127)), max_size=50))
def test_no_release_is_lost_however_much_waits(keys: list[tuple[int, int]]) -> None:
    backlog = Backlog()
    for k in range(MOST + 10):
        backlog.add("flood", Change("program", 1 + k % 16, 0, k % 128))
    for channel, key in keys:
        backlog.add("keys", Change("note", channel, key, 99))
        backlog.add("keys", Change("note", channel, key, 0))
    assert len(backlog) <= MOST
    last = {(c.channel, c.number): c.value for c in taken(backlog) if c.kind == "note"}
    assert last == {key: 0 for key in keys}
    assert backlog.dropped > 0


def test_words_come_in_their_place_and_changes_of_a_port_together() -> None:
    backlog = Backlog()
    backlog.add("a", Change("note", 1, 60, 99))
    backlog.add("a", Change("note", 1, 61, 99))
    backlog.tell("closed", port="a")
    backlog.add("b", Change("note", 1, 60, 99))
    words = backlog.take()
    assert [(w["kind"], w["port"], len(w.get("changes", ()))) for w in words] == [
        ("midi", "a", 2),
        ("closed", "a", 0),
        ("midi", "b", 1),
    ]


@pytest.fixture
def line() -> Iterator[tuple[Courier, socket.socket]]:
    ours, theirs = socket.socketpair()
    courier = Courier(theirs)
    courier.start()
    yield courier, ours
    ours.close()


def words(line: socket.socket) -> list[dict[str, object]]:
    """All that comes until nothing has come for a while."""
    received = b""
    while select.select([line], [], [], 0.3)[0]:
        received += line.recv(1 << 16)
    return [json.loads(word) for word in received.splitlines()]


def test_what_a_port_receives_is_sent_as_changes(line: tuple[Courier, socket.socket]) -> None:
    courier, ours = line
    courier.tell("opened", port="keys")
    courier.receive("keys", [0x90, 60])
    courier.receive("keys", [99, 62, 98])
    assert words(ours) == [
        {"kind": "opened", "port": "keys"},
        {
            "kind": "midi",
            "port": "keys",
            "changes": [["note", 1, 60, 99, 127], ["note", 1, 62, 98, 127]],
        },
    ]


def test_half_a_message_ends_with_its_cable(line: tuple[Courier, socket.socket]) -> None:
    courier, ours = line
    courier.receive("keys", [0x90, 60])
    courier.tell("closed", port="keys")
    courier.receive("keys", [99])
    assert [word["kind"] for word in words(ours)] == ["closed"]


def test_a_reader_that_was_away_gets_every_note_and_only_the_newest_values(
    line: tuple[Courier, socket.socket],
) -> None:
    courier, ours = line
    for k in range(20_000):
        courier.receive("keys", [0xE0, k % 128, k // 160])
        if k % 100 == 0:
            courier.receive("keys", [0x90, 60, 99])
            courier.receive("keys", [0x80, 60, 0])
            time.sleep(0.001)
    heard = [
        change
        for word in words(ours)
        for change in word.get("changes", ())  # type: ignore[attr-defined]
    ]
    notes = [change for change in heard if change[0] == "note"]
    assert len(notes) == 400 and notes[-1][3] == 0
    bends = [change for change in heard if change[0] == "bend"]
    assert bends[-1][3] == 128 * (19_999 // 160) + 19_999 % 128 and len(bends) < 10_000
