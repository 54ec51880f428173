"""Learning over UDP: a real socket, a server, and feedback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from latentpad.controllers.controller import Connection
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import encode, encode_bundle
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.midi.cable import Cable
from tests.controllers.osc.test_feedback import Pad, arrival
from tests.controllers.waiting import until


class Stage:
    """An instrument that listens, and what it has learned."""

    def __init__(self, instrument: Instrument, path: Path) -> None:
        self.instrument = instrument
        self.outcomes = Outcomes(instrument)
        self.feedback = Feedback(instrument, outcomes=self.outcomes)
        self.learning = Learning(instrument, path, publish=self.feedback.publish)
        self.osc = OscController(0, self.learning)
        self.changes: list[tuple[str, tuple[Argument, ...]]] = []
        instrument.listeners.append(lambda a, args, sender: self.changes.append((a, tuple(args))))

    async def start(self) -> None:
        await self.osc.start(Connection(self.instrument, self.outcomes, self.feedback, print))

    def said(self, address: str) -> list[tuple[Argument, ...]]:
        return [args for changed, args in self.changes if changed == address]

    def point(self, finger: int = 1) -> tuple[Any, ...]:
        return dict(self.instrument.values())[f"/pad/{finger}/xy"]


def serve(instrument: Instrument, path: Path, play: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        stage = Stage(instrument, path)
        await stage.start()
        try:
            await play(stage)
        finally:
            stage.feedback.close()
            await stage.osc.stop()
            stage.learning.close()

    asyncio.run(run())


def sweep(pad: Pad, address: str, *before: Argument) -> None:
    for x, y in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (0.5, -0.5)):
        pad.send(address, *before, x, y)


def test_a_pad_that_is_swept_at_once_is_learned_with_its_range(
    instrument: Instrument, tmp_path: Path
) -> None:
    """All of it lies in the socket when it is read, and none of it is skipped."""

    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            pad.send("/learn", "/pad/2/xy")
            sweep(pad, "/1/xÿ π")
            await until(lambda: stage.point(2) == (0.75, 0.25))

    serve(instrument, tmp_path / "bindings.toml", play)


def test_only_the_newest_of_a_learned_pad_s_points_counts_for_each_of_its_constants(
    instrument: Instrument, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            for finger in (1, 2):
                pad.send("/learn", f"/pad/{finger}/xy")
                sweep(pad, "/pads", finger)
            pad.send("/learn", "/texture")
            pad.send("/fader", 0.0)
            pad.send("/fader", 0.5)
            await until(lambda: instrument.value("/texture") == (0.5,))
            stage.changes.clear()
            for k in range(50):
                pad.send("/pads", 1 + k % 2, -1 + k / 25, 0.0)
            pad.send("/gain", -6.0)
            await until(lambda: instrument.value("/gain") == (-6.0,))
            assert stage.osc.counts.superseded == 48
            assert [len(stage.said(f"/pad/{n}/xy")) for n in (1, 2)] == [1, 1]
            assert stage.point(1)[0] == pytest.approx(0.96)
            assert stage.point(2)[0] == pytest.approx(0.98)

    serve(instrument, tmp_path / "bindings.toml", play)


def test_a_learned_pad_follows_under_its_own_address(
    instrument: Instrument, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad, Pad(stage.osc.address, "127.0.0.2") as other:
            other.send("/sync")
            await arrival(other, "/pad/10/pitch")
            pad.send("/learn", "/pad/2/xy")
            sweep(pad, "/3/pad", 7)
            pad.send("/learn/list")
            (listed,) = [m for m in await arrival(other, "/learn/list/1") if "list/1" in m.address]
            assert listed.args == ("/3/pad steers /pad/2/xy (7 x -1…1 y -1…1)",)
            pad.send("/sync")
            first = {m.address: m.args for m in await arrival(pad, "/3/pad")}
            assert first["/3/pad"] == (7, 0.5, -0.5)
            other.send("/pad/2/xy", 1.0, 0.0)
            messages = await arrival(pad, "/3/pad")
            assert messages[-1].args == (7, 1.0, -1.0) or (7, 1.0, -1.0) in [
                message.args for message in messages
            ]

    serve(instrument, tmp_path / "bindings.toml", play)


def test_a_touch_of_a_learned_pad_is_the_finger_s(instrument: Instrument, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            pad.send("/learn", "/pad/3/xy")
            sweep(pad, "/1/xy")
            pad.send("/1/xy/z", 1.0)
            await until(lambda: instrument.down(3))
            pad.send("/1/xy/z", 0.0)
            await until(lambda: not instrument.down(3))
            assert stage.osc.counts.refused == 0

    serve(instrument, tmp_path / "bindings.toml", play)


def test_a_bundle_of_learned_messages_is_one_change(instrument: Instrument, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            for address, target in (("/a/x", "/pad/2/xy"), ("/fader", "/texture")):
                pad.send("/learn", target)
                for value in (0.0, 1.0):
                    pad.send(address, value)
            await until(lambda: instrument.value("/texture") == (1.0,))
            versions: list[int] = []
            instrument.listeners.append(
                lambda *_: versions.append(int(instrument.board.version[0]))
            )
            both = [encode("/a/x", (0.25,)), encode("/a/y", (0.5,)), encode("/fader", (0.5,))]
            pad._udp.sendto(encode_bundle(both), stage.osc.address)
            await until(lambda: instrument.value("/texture") == (0.5,))
            assert stage.point(2) == (0.25, 0.5)
            assert len(set(versions)) == 1

    serve(instrument, tmp_path / "bindings.toml", play)


def test_what_midi_sends_and_nothing_is_bound_to_is_shown_to_monitors(
    instrument: Instrument, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            pad.send("/monitor", 1)
            await arrival(pad, "/heard")
            keys = Cable(MidiInput(instrument, "my keys", stage.learning, stage.outcomes))
            keys.send([0xB4, 85, 64])
            (heard,) = await arrival(pad, "/heard")
            assert heard.args[:2] == ("my keys channel 5 cc 85", 64)
            assert "/learn" in str(heard.args[2])
            pad.send("/learn", "/texture")
            await arrival(pad, "/heard")
            keys.send([0xB4, 85, 65])
            keys.send([0xB4, 85, 127])
            await until(lambda: instrument.value("/texture") == (1.0,))
        assert stage.outcomes.refused == 2

    serve(instrument, tmp_path / "bindings.toml", play)


def test_a_message_that_was_not_learned_is_refused_to_its_sender(
    instrument: Instrument, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        with Pad(stage.osc.address) as pad:
            pad.send("/learn", "/pad/xy")
            sweep(pad, "/pads", 3)
            await until(lambda: stage.point() == (0.75, 0.25))
            pad.received()
            pad.send("/pads", 4, 0.0, 0.0)
            (refused,) = [m for m in await arrival(pad, "/refused") if m.args[0] == "/pads"]
            assert "3 x -1…1 y -1…1" in str(refused.args[1])
            assert stage.point() == (0.75, 0.25)

    serve(instrument, tmp_path / "bindings.toml", play)


def test_midi_senders_are_told_by_name(instrument: Instrument, tmp_path: Path) -> None:
    learning = Learning(instrument, tmp_path / "bindings.toml")
    keys = Cable(MidiInput(instrument, "keys", learning, Outcomes(instrument)))
    senders: list[Sender] = []
    instrument.listeners.append(lambda address, args, sender: senders.append(sender))
    instrument.apply("/learn", ("/texture",))
    keys.send([0xB2, 74, 0])
    keys.send([0xB2, 74, 1])
    learning.close()
    assert senders[-1] == Sender("midi keys 3")
