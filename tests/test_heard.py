"""Whatever a real instrument is sent and does not do, it says so: on its terminal, to the sender,
to who watches, and as a number."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator

import pytest

from latentpad.benchmarks.programs import synced
from latentpad.controllers.osc.packet import Message, decode, encode, encode_bundle
from tests.playing import Playing

pytestmark = pytest.mark.early

SOON_S = 90.0  # a line comes each second, and the machine may be busy

UNKNOWN_TYPE = b"/gain\0\0\0,x\0\0"
REFUSED: dict[bytes, tuple[str, ...]] = {
    encode("/preset", ("drne",)): ("refused /preset 'drne'", "did you mean drone?"),
    encode("/preset", (999,)): ("refused /preset 999", "there is no preset 999"),
    encode("/preset/save", ("../etc",)): ("refused /preset/save '../etc'", "cannot name"),
    encode("/texture", ("hi",)): ("refused /texture 'hi'", "finite number"),
    encode("/texture", (0.5, 0.5)): ("refused /texture 0.5 0.5", "takes 1"),
    encode("/pitch", (900,)): ("clamped /pitch 900", "clamped to 36", "-36...36 semitones"),
    encode("/pich", (5.0,)): ("refused /pich 5", "no such address", "did you mean /pitch?"),
    encode("/1/xyz/7", (5.0,)): ("refused /1/xyz/7 5", "docs/control.md"),
    encode("/record", ("take.wav",)): ("refused /record 'take.wav'", "1 to begin"),
    encode("/record", (0,)): ("refused /record 0", "no take is under way"),
    encode("/anchor/99999"): ("refused /anchor/99999", "anchors are 0..."),
    encode("/lattice/99999", (1.0,)): ("refused /lattice/99999 1", "anchors are 0..."),
    encode("/axes", ("brightness", "taste")): ("refused /axes 'brightness' 'taste'", "none of"),
    encode("/axes", (0, 90)): ("refused /axes 0 90", "no two of"),
    encode("/plane", ("umap",)): ("refused /plane 'umap'", "no umap plane"),
    encode("/expander", ("foo",)): ("refused /expander 'foo'", "none of nearest"),
    encode("/learn", ("/nowhere",)): ("refused /learn '/nowhere'", "no control can steer"),
    encode("/sync", (80,)): ("refused /sync 80", "1024...65535"),
    encode("/gain", (math.nan,)): ("refused /gain nan", "finite number"),
    encode("/pan", (b"1234",)): ("refused /pan <4 bytes>", "no blob"),
    encode("/pad/2/xy", (0.5,)): ("refused /pad/2/xy 0.5", "takes 2"),
    encode("/latent/1", (1e9,)): ("clamped /latent/1 1e+09", "clamped to"),
    encode("/snapshot/9/recall"): ("refused /snapshot/9/recall", "nothing was stored"),
    encode("/multilateration/scale", (2.0,)): ("note    /multilateration/scale 2", "dwell"),
    b"GET / HTTP/1.1\r\n": ("refused 16 bytes, b'GET / HTTP", "NUL"),
    encode_bundle([UNKNOWN_TYPE, encode("/guard", (1,))]): ("refused a part of a bundle", "'x'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    home = tmp_path_factory.mktemp("home")
    program = Playing("--null-audio", home=home, folder=home)
    program.says("ready")
    yield program
    program.close()


class Pad:
    """A sender that hears what comes back to it."""

    def __init__(self, playing: Playing) -> None:
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.connect(("127.0.0.1", playing.port))  # hears only whom it sends to
        self._udp.settimeout(0.2)

    def __enter__(self) -> Pad:
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.close()

    def send(self, packet: bytes) -> None:
        self._udp.send(packet)

    def hears(self, message: Message) -> list[Message]:
        """All that comes until this does."""
        got: list[Message] = []
        end = time.monotonic() + SOON_S
        while message not in got:
            assert time.monotonic() < end, (message, got)
            try:
                got += decode(self._udp.recv(65_535)).messages
            except TimeoutError:
                continue
        return got


def test_each_refusal_has_its_line_at_most_one_a_second(playing: Playing) -> None:
    after = len(playing.lines)
    began = time.monotonic()
    with Pad(playing) as pad:
        for packet in REFUSED:
            for _ in range(3):
                pad.send(packet)
    for begins, *words in REFUSED.values():
        line = playing.says(begins, SOON_S, after)
        assert " from 127.0.0.1: " in line
        for word in words:
            assert word in line, line
    lines = [line for line in playing.lines[after:] if line.startswith(("ref", "cla", "note  "))]
    assert len(lines) == len(REFUSED)
    assert len(lines) <= 1 + time.monotonic() - began


def test_a_wrong_value_comes_back_to_a_sender_that_only_hears_us(playing: Playing) -> None:
    with Pad(playing) as pad:
        pad.send(encode("/pitch", (900,)))
        assert pad.hears(Message("/pitch", (36.0,))) == [Message("/pitch", (36.0,))]
        pad.send(encode("/pitch", (0.0,)))
        pad.send(encode("/pitch", ("high",)))
        reason = "it takes a finite number, got 'high'"
        got = pad.hears(Message("/refused", ("/pitch", reason)))
        assert got == [Message("/pitch", (0.0,)), Message("/refused", ("/pitch", reason))]


def test_who_watches_hears_all_and_the_meter_counts(playing: Playing) -> None:
    def refused() -> int:
        (count,) = synced(playing.port, 1.0)["/meter/refused"]
        return int(count)

    before = refused()
    with Pad(playing) as watcher:
        watcher.send(encode("/monitor", (1,)))
        watcher.hears(Message("/heard", ("/monitor", 1, "ok")))
        with Pad(playing) as pad:
            pad.send(encode("/texture", (0.25,)))
            pad.send(encode("/nowhere", (1, "two")))
        watcher.hears(Message("/heard", ("/texture", 0.25, "ok")))
        watcher.hears(Message("/heard", ("/nowhere", 1, "two", "there is no such address")))
    assert refused() == before + 1


def test_what_a_person_does_is_told(playing: Playing) -> None:
    after = len(playing.lines)
    with Pad(playing) as pad:
        for address, args in (
            ("/preset", ("drone",)),
            ("/preset/save", ("my walk",)),
            ("/learn", ("/texture",)),
            ("/record", (1,)),
        ):
            pad.send(encode(address, args))
    playing.says("preset Drone", after=after)
    assert "my walk.toml" in playing.says("preset my walk saved", after=after)
    playing.says("learn  /texture: move a control", after=after)
    playing.says("take   takes/take", after=after)
    with Pad(playing) as pad:
        pad.send(encode("/record", (0,)))
    end = time.monotonic() + SOON_S
    while not any(" ended after " in line for line in playing.lines[after:]):
        assert time.monotonic() < end, playing.lines[after:]
        time.sleep(0.05)
