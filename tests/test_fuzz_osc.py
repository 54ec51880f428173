"""Any OSC packet to a running instrument: every process lives on, and the sound comes back.

    LATENTPAD_DRAWS=long python -m pytest tests/test_fuzz_osc.py -s

is the long form: random, of many more packets, and it prints how long the sound took.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from latentpad.benchmarks.programs import free_port
from latentpad.cli import play as playing
from latentpad.controllers.osc.server import OscServer
from latentpad.engine import board as b
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from tests.osc_fuzz import bundle, message, packets

pytestmark = pytest.mark.early

HOST = "127.0.0.77"  # our own: what `/sync` sends to it reaches nobody else
SLOW_S = 10.0  # what a busy machine may take
SOON_S = 0.3  # what an idle one takes
HOPS = 12  # more than the limiter's line and what a stolen voice leaves in the overlap
LONG = settings.get_current_profile_name() == "long"
PLAYED = 40  # hops in which what was sent is heard
AUDIBLE = 2e-4  # between two samples: what is left of a DC offset moves less
EARLIER = [  # what ended the sound once
    message("/latent/1", [("d", 1e308)]),
    message("/latent/1", [("f", 3.4e38)]),
    message("/lattice/1", [("d", 1e300)]),
    bundle([message(f"/lattice/{k}", [("f", 3.4e38)]) for k in range(64)]),
    message("/note", [("f", 60.0), ("d", 5e-324)]),
    message("/snapshot/1/store", []),
    message("/gain", [("f", -60.0)]),
    message("/snapshot/1/recall", [("d", 1e300)]),
]
SLOW = [  # what takes the decoder long
    message("/phase", [("s", "griffinlim")]),
    message("/mode", [("s", "shot")]),
    *(message(f"/pad/{n}/touch", [("i", 1)]) for n in range(1, 11)),
    message("/expander", [("s", "gaussian")]),
    *(message(f"/pad/{n}/xy", [("f", 0.5), ("f", 0.5)]) for n in range(1, 11)),
]


class Held(Session):
    """The session that `play` makes, for us to look at."""

    made: Held

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        Held.made = self


@dataclass
class Running:
    """`play` in this process: its engine's processes are real, its output is null."""

    folder: Path
    port: int = field(default_factory=free_port)
    said: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # from a point to its sound
    packets: int = 0

    def __post_init__(self) -> None:
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind((HOST, 0))

    async def play(self, act: Callable[[], None]) -> None:
        """Run `act` on another thread while the instrument plays."""
        options = playing.Options(output=OutputSettings(null=True), osc_port=self.port)
        task = asyncio.create_task(playing.play(options, self.said.append))
        while "ready" not in self.said and not task.done():
            await asyncio.sleep(0.05)
        try:
            if not task.done():
                await asyncio.get_running_loop().run_in_executor(None, act)
        finally:
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            self.udp.sendto(packet, ("127.0.0.1", self.port))
        self.packets += len(packets)

    @property
    def session(self) -> Session:
        return Held.made

    def sounds(self, since: int) -> np.ndarray:
        """(n,) whether it sounds, from frame `since` on, or of the last four seconds."""
        board = self.session.board
        head, length = int(board.tape_head[0]), len(board.tape)
        at = np.arange(max(since, head - length + b.LONGEST_HOP), head)
        moves = np.abs(np.diff(board.tape[at % length], axis=0)).max(axis=1, initial=0.0)
        return np.asarray(moves > AUDIBLE)

    def until(self, what: Callable[[], bool], why: str) -> None:
        end = time.monotonic() + SLOW_S
        while not what():
            assert time.monotonic() < end, (why, self.said[-5:])
            time.sleep(0.002)

    def play_on(self, hops: int) -> int:
        """Wait for so many hops. Returns the frame that comes next on the tape."""
        board = self.session.board
        end = int(board.tape_head[0]) + hops * self.session.pack.representation.n_fft // 8
        self.until(lambda: int(board.tape_head[0]) >= end, "the output stands still")
        return int(board.tape_head[0])

    def settle(self, point: tuple[float, float]) -> None:
        """Panic, a known preset, a new point: sound. Notes how long it took, in the output."""
        board = self.session.board
        shutil.rmtree(self.folder / "data" / "latentpad" / "presets", ignore_errors=True)
        self.send(message("/record", [("i", 0)]), message("/panic", []))
        known: list[tuple[str, float | str]] = [
            ("/preset", "walk"), ("/gain", -12.0), ("/ceiling", -1.0), ("/note/timeout", 60.0),
        ]  # fmt: skip
        for address, value in known:
            self.send(message(address, [("s" if isinstance(value, str) else "f", value)]))
        pad = self.session.instrument
        self.until(lambda: pad.value("/note/timeout") == (60.0,), "it does not answer")
        self.play_on(HOPS)  # until the player has heard of the panic
        self.until(lambda: bool((board.voice_state == b.FREE).all()), "panic has not silenced all")
        quiet = self.play_on(HOPS)
        self.play_on(HOPS)
        began = int(board.tape_head[0])
        assert not self.sounds(quiet).any(), "panic left a sound"
        self.send(message("/pad/xy", [("f", point[0]), ("f", point[1])]))
        self.until(lambda: bool(self.sounds(began).any()), "there is no sound")
        self.seconds.append(int(self.sounds(began).argmax()) / board.shape.sample_rate)

    def check(self) -> None:
        """Nothing is broken."""
        board = self.session.board
        assert np.isfinite(board.tape).all()
        assert np.abs(board.tape).max() <= 1.0
        assert board.player[b.GUARDED] == 0, "a voice gave what are no numbers"
        assert board.decoder[b.DECODES_FAILED] == 0, "a latent could not be decoded"
        assert not [line for line in self.said if "replaced" in line], self.said
        assert not self.faults, self.faults


def test_whatever_is_sent_no_process_ends_and_the_next_point_sounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(playing, "Session", Held)
    running = Running(tmp_path)
    report = OscServer._report

    def noted(server: OscServer, *command: Any) -> None:
        report(server, *command)
        error = command[-1]
        if error is not None and not isinstance(error, CommandError):
            running.faults.append(error)

    monkeypatch.setattr(OscServer, "_report", noted)
    unit = st.floats(0.125, 0.875, width=32)

    def act() -> None:
        alive = running.session.processes()
        known = running.session.instrument.addresses()
        running.settle((0.5, 0.5))

        @settings(
            max_examples=settings().max_examples if LONG else 25,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(packets(known), min_size=10, max_size=60), unit, unit)
        @example(EARLIER, 0.3, 0.7)
        @example([message("/snapshot/1/recall", [])], 0.6, 0.2)
        @example(SLOW, 0.2, 0.8)
        def attack(batch: list[bytes], x: float, y: float) -> None:
            running.send(*batch)
            running.play_on(PLAYED)
            running.settle((x, y))
            running.check()
            if running.seconds[-1] > SOON_S:
                addresses = sorted(
                    {packet.partition(b"\0")[0].decode("latin-1") for packet in batch}
                )
                print(f"{1000 * running.seconds[-1]:.0f} ms after {addresses!r:.400}")
            assert running.session.processes() == alive

        attack()

    began = time.monotonic()
    asyncio.run(running.play(act))
    reported = [
        line for line in running.said if line.startswith(("refused", "clamped", "note    "))
    ]
    assert 0 < len(reported) <= 1 + time.monotonic() - began, "more than a line a second"
    assert all(line.isprintable() and len(line) < 1500 for line in reported)
    took = np.array(running.seconds)
    print(
        f"{running.packets} packets in {len(took)} batches; from a point to its sound: median "
        f"{1000 * np.median(took):.0f} ms, longest {1000 * took.max():.0f} ms, over "
        f"{1000 * SOON_S:.0f} ms: {(took > SOON_S).sum()}"
    )
    if LONG:
        assert took.max() <= SOON_S
