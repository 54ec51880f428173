"""The whole instrument: a real JACK server, real senders, real sound.

`latentpad play` runs as a program of its own; `oscsend` and a JACK MIDI port play it; what
JACK was given is looked at.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jack
import numpy as np
import pytest
import rtmidi
import soxr
from numpy.typing import NDArray
from pythonosc.osc_message_builder import OscMessageBuilder

from latentpad.benchmarks.detection import onset
from latentpad.benchmarks.jack_server import Ear, JackServer, jack_server
from latentpad.benchmarks.programs import synced
from latentpad.controllers.osc.packet import encode
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.decode.decoder import fastest_decoder
from latentpad.engine.decode.pointing import Pointing
from latentpad.engine.parameters import ROW
from latentpad.models.packs.pack import Pack, find, load
from latentpad.models.representation import Representation
from tests.alone import alone
from tests.playing import Playing

pytestmark = pytest.mark.listens

NEAR, FAR = (0.45, 0.85), (0.9, 0.4)


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    with jack_server("latentpad-end-to-end") as running:
        yield running


@pytest.fixture(scope="module")
def playing(server: JackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    program = Playing(home=tmp_path_factory.mktemp("home"), env=server.environment())
    program.says("ready")
    yield program
    program.close()


@pytest.fixture
def silent(playing: Playing) -> Iterator[Playing]:
    """The instrument as it was at its start."""
    for address, types, *args in (
        ("/panic", ""), ("/preset", "s", "walk"), ("/smooth", "f", 0), ("/morph", "f", 0.01),
    ):  # fmt: skip
        playing.send(address, types, *args)
    time.sleep(0.4)
    yield playing
    playing.show()


@pytest.fixture
def ear(server: JackServer, playing: Playing) -> Iterator[Ear]:
    listening = Ear(60)
    listening.listen()
    yield listening
    listening.close()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Asked for last: whatever a test prepares needs no quiet."""
    with alone():
        yield


@pytest.fixture(scope="module")
def footsteps() -> Pack:
    return load(find("footsteps"))


@pytest.fixture(scope="module")
def decoded(footsteps: Pack) -> dict[tuple[float, float], NDArray[np.float64]]:
    """Mean power spectrum of the sound decoded at each point, as the instrument begins."""
    decoder, _ = fastest_decoder(footsteps)
    board = Board(BoardShape(1, 1, 1, 48000))
    pointing = Pointing(footsteps, board)
    spectra = {}
    for voice, point in enumerate((NEAR, FAR)):
        board.points[voice] = point
        board.starts[voice] = 1
        frames = decoder.whole(pointing.aim(voice, 0.0).latent[None])[0]
        frames = footsteps.representation.spectrum(frames)
        spectra[point] = (10 ** (frames.astype(np.float64) / 10)).mean(axis=0)
    return spectra


def spectrum(samples: NDArray[np.float32], r: Representation) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(samples, r.n_fft)[:: r.n_fft // 4]
    power = np.abs(np.fft.rfft(frames * np.hanning(r.n_fft), axis=1)) ** 2
    return np.asarray(power.mean(axis=0))


def distance(a: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    """Mean absolute difference of two spectra's shapes in dB, in third-octave like bands."""
    edges = np.unique(np.geomspace(3, len(a) - 1, 25).astype(int))
    x, y = (10 * np.log10(np.add.reduceat(s, edges)[:-1] + 1e-15) for s in (a, c))
    return float(np.abs((x - x.mean()) - (y - y.mean())).mean())


def heard_for(ear: Ear, seconds: float) -> NDArray[np.float32]:
    """What is played from now on."""
    begin = ear.now
    end = begin + int(seconds * ear.rate)
    given_up = time.monotonic() + seconds + 5
    while len(ear.heard) < end:
        assert time.monotonic() < given_up, "JACK has stopped"
        time.sleep(0.02)
    return ear.heard[begin:end]


def loudness(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def test_it_begins_on_the_packs_own_plane_and_the_best_expander(
    silent: Playing, footsteps: Pack
) -> None:
    begun = values(silent)
    assert begun["/plane"] == (footsteps.default_plane,)
    assert begun["/expander"] == ROW["/expander"].show(ROW["/expander"].default)


def test_it_is_silent_until_it_is_touched(silent: Playing, ear: Ear) -> None:
    assert loudness(heard_for(ear, 0.3)) < 1e-5


def test_oscsend_moves_the_point_and_the_sound_becomes_that_of_the_new_point(
    silent: Playing,
    ear: Ear,
    footsteps: Pack,
    decoded: dict[tuple[float, float], NDArray[np.float64]],
    quiet: None,
) -> None:
    r = footsteps.representation
    played = {}
    for point in (NEAR, FAR):
        silent.send("/pad/xy", "ff", *point)
        time.sleep(0.5)
        played[point] = spectrum(heard_for(ear, 1.5), r)
    for here, there in ((NEAR, FAR), (FAR, NEAR)):
        assert distance(played[here], decoded[here]) < distance(played[here], decoded[there])
        assert distance(played[here], decoded[here]) < 2.0
    silent.send("/pad/1/touch", "i", 0)
    time.sleep(0.8)
    assert loudness(heard_for(ear, 0.2)) < 1e-4


@pytest.fixture
def keyboard(server: JackServer, playing: Playing) -> Iterator[rtmidi.MidiOut]:
    """A MIDI keyboard plugged into the instrument's own port, once it is heard there."""
    gain = values(playing)["/gain"]
    midi = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="keyboard")
    midi.open_virtual_port("out")
    patchbay = jack.Client("patchbay", no_start_server=True)
    try:
        target = next(
            port
            for port in patchbay.get_ports(is_midi=True, is_input=True)
            if "latentpad" in port.name
        )
        source = next(
            port
            for port in patchbay.get_ports(is_midi=True, is_output=True)
            if "keyboard" in port.name
        )
        patchbay.connect(source, target)
        # JACK makes a connection when it next orders its clients; what is sent before is lost.
        given_up = time.monotonic() + 10
        while values(playing)["/gain"] == gain:
            assert time.monotonic() < given_up, "JACK has not connected the keyboard"
            midi.send_message([0xB0, 7, 90])
        playing.send("/gain", "f", *gain)
        yield midi
    finally:
        patchbay.close()
        midi.close_port()
        midi.delete()


def test_a_midi_note_starts_a_shot_that_ends_by_itself(
    silent: Playing, ear: Ear, keyboard: rtmidi.MidiOut, quiet: None
) -> None:
    silent.send("/mode", "s", "shot")
    time.sleep(0.3)
    sent = ear.now
    keyboard.send_message([0x90, 60, 100])
    time.sleep(1.6)
    result = onset(ear.heard, sent, ear.rate, 0.5)
    assert result.first is not None
    assert loudness(ear.heard[result.first : result.first + 4800]) > 1e-3
    assert loudness(ear.heard[-4800:]) < 1e-4


def test_cc_16_and_17_move_the_point(
    silent: Playing,
    ear: Ear,
    keyboard: rtmidi.MidiOut,
    footsteps: Pack,
    decoded: dict[tuple[float, float], NDArray[np.float64]],
    quiet: None,
) -> None:
    for control, value in ((16, FAR[0]), (17, FAR[1])):
        keyboard.send_message([0xB0, control, round(127 * value)])
    time.sleep(0.6)
    played = spectrum(heard_for(ear, 1.5), footsteps.representation)
    assert distance(played, decoded[FAR]) < distance(played, decoded[NEAR])
    point = values(silent)["/pad/1/xy"]
    assert point == pytest.approx(FAR, abs=0.005)


def values(playing: Playing) -> dict[str, tuple[object, ...]]:
    """Everything `/sync` tells, but for the meters."""
    result = synced(playing.port)
    return {k: v for k, v in result.items() if not k.startswith("/meter")}


def test_ten_thousand_random_and_malformed_datagrams_change_nothing(
    silent: Playing, ear: Ear
) -> None:
    before = values(silent)
    assert before["/mode"] == ("loop",)
    dice = random.Random(7)
    builder = OscMessageBuilder("/pad/xy")
    builder.add_arg(0.5)
    builder.add_arg(0.5)
    valid = builder.build().dgram
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for k in range(10_000):
            kind = k % 5
            if kind == 0:
                packet = dice.randbytes(dice.randrange(0, 200))
            elif kind == 1:  # cut short
                packet = valid[: dice.randrange(1, len(valid))]
            elif kind == 2:  # a bundle whose sizes lie
                size = dice.choice((-1, -4, 2**31 - 1, 3, 1000))
                packet = b"#bundle\0" + bytes(8) + size.to_bytes(4, "big", signed=True) + valid
            elif kind == 3:  # not numbers
                bad = dice.choice((float("nan"), float("inf"), float("-inf")))
                packet = encode("/pad/xy", (bad, 0.9))
            else:  # nothing of ours, or not with these arguments
                address = dice.choice(
                    ("/nothing", "/pad/99/xy", "/latent/99", "/mode", "/anchor/x")
                )
                packet = encode(address, ("x",) * dice.randrange(3))
            sender.sendto(packet, ("127.0.0.1", silent.port))
            if k % 100 == 99:
                time.sleep(0.002)
    time.sleep(0.3)
    assert values(silent) == before
    assert loudness(heard_for(ear, 0.2)) < 1e-5
    silent.send("/pad/xy", "ff", *NEAR)
    time.sleep(0.5)
    assert loudness(heard_for(ear, 0.8)) > 1e-3


def first_sound(server: JackServer, seconds: float) -> float:
    """When sound was first heard from JACK, on the monotonic clock."""
    heard = subprocess.run(
        [sys.executable, "-m", "tests.listening", "0.001", str(seconds)],
        env=server.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert heard.stdout.strip() != "silence"
    return float(heard.stdout)


def test_the_sound_comes_back_within_three_seconds_of_the_jack_server(tmp_path: Path) -> None:
    server = JackServer("latentpad-restart")
    program = Playing(home=tmp_path, env=server.environment())
    try:
        program.says("ready")
        program.send("/pad/xy", "ff", *NEAR)
        first_sound(server, 5)
        with alone():
            server.kill()
            time.sleep(2.5)
            server.start()
            returned = time.monotonic()
            assert first_sound(server, 10) - returned < 3.0
    finally:
        program.close()
        server.stop()


def test_a_device_at_another_rate_plays_at_the_right_pitch(
    tmp_path: Path, decoded: dict[tuple[float, float], NDArray[np.float64]], footsteps: Pack
) -> None:
    """The spectrum, in hertz, is that of the sound that was decoded at 48 kHz."""
    server = JackServer("latentpad-44100", rate=44100)
    program = Playing(home=tmp_path, env=server.environment())
    sound = tmp_path / "heard.npy"
    try:
        program.says("ready")
        assert "44100 Hz" in program.says("sound  ")
        program.send("/morph", "f", 0.01)
        program.send("/pad/xy", "ff", *FAR)
        with alone():
            time.sleep(0.5)
            subprocess.run(
                [sys.executable, "-c",
                 "import sys, time, numpy; from latentpad.benchmarks.jack_server import Ear; "
                 "e = Ear(5); e.listen(); time.sleep(2); numpy.save(sys.argv[1], e.heard)",
                 str(sound)],
                env=server.environment(), check=True,
            )  # fmt: skip
    finally:
        program.close()
        server.stop()
    heard = np.load(sound)
    resampled = soxr.resample(heard, 44100, 48000)
    played = spectrum(resampled, footsteps.representation)
    low = np.arange(len(played)) < 350  # below 16 kHz: what a 44.1 kHz device can play
    assert distance(played[low], decoded[FAR][low]) < distance(played[low], decoded[NEAR][low])
    assert distance(played[low], decoded[FAR][low]) < 2.0
