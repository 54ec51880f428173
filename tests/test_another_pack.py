"""Another pack while `latentpad play` plays on a real JACK server, asked for by real senders."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from latentpad.benchmarks.jack_server import Ear, JackServer, jack_server
from latentpad.benchmarks.programs import synced
from latentpad.models.packs.pack import SHIPPED
from latentpad.models.representation import Representation
from tests.engine.stage import pitch, rms_db
from tests.playing import Playing
from tests.tone_packs import bin_hz, tone_pack

pytestmark = pytest.mark.early

PATIENCE_S = 60.0
TELEPHONE = Representation(16_000, 256, 64, "hann", 150)
BELLS = Representation(44_100, 2048, 512, "gauss", 80)
HZ = {"telephone": (900.0, TELEPHONE, 1), "bells": (1500.0, BELLS, 16)}


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    with jack_server("latentpad-another-pack") as running:
        yield running


@pytest.fixture(scope="module")
def playing(server: JackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    home = tmp_path_factory.mktemp("home")
    packs = home / "latentpad" / "packs"
    packs.mkdir(parents=True)
    for name, how in HZ.items():
        tone_pack(packs / name, *how)
    broken = Path(shutil.copytree(SHIPPED / "footsteps", packs / "broken"))
    (broken / "anchors.npz").write_bytes(b"no archive")
    future = Path(shutil.copytree(SHIPPED / "footsteps", packs / "future"))
    toml = future / "model.toml"
    toml.write_text(toml.read_text().replace("format = 1", "format = 99"))
    program = Playing(home=home, env=server.environment())
    program.says("ready")
    program.send("/note/timeout", "i", 0)
    program.send("/pad/1/touch", "i", 1)
    yield program
    program.close()


@pytest.fixture
def ear(server: JackServer, playing: Playing) -> Iterator[Ear]:
    """What is heard, after the first pack has come back."""
    playing.send("/preset", "s", "walk")
    until(lambda: pack(playing) == "footsteps", "footsteps is not back")
    listening = Ear(PATIENCE_S)
    listening.listen()
    yield listening
    listening.close()


def until(true: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_S / 2
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def pack(playing: Playing) -> object:
    return synced(playing.port).get("/pack", ("",))[0]


def connections(server: JackServer) -> str:
    listed = subprocess.run(
        ["jack_lsp", "-c"], env=server.environment(), capture_output=True, text=True, check=True
    )
    return listed.stdout


def processes(playing: Playing) -> set[int]:
    return {child.pid for child in psutil.Process(playing.process.pid).children(recursive=True)}


def is_heard(ear: Ear, name: str) -> bool:
    hz, r, _ = HZ[name]
    latest = ear.heard[-ear.rate // 4 :]
    wide = max(r.sample_rate / r.n_fft, 50.0) / 2
    return rms_db(latest) > -60 and abs(pitch(latest, ear.rate) - bin_hz(hz, r)) < wide


@pytest.mark.parametrize("name", HZ)
def test_the_pack_is_heard_and_the_performers_connections_stay(
    playing: Playing, server: JackServer, ear: Ear, name: str
) -> None:
    before, running = connections(server), processes(playing)
    began = time.monotonic()
    playing.send("/pack", "s", name)
    until(lambda: is_heard(ear, name), f"{name} is not heard")
    print(f"{name}: a quarter of a second of it was heard after {time.monotonic() - began:.2f} s")
    assert connections(server) == before and processes(playing) == running
    until(lambda: f"pack   {name}" in playing.lines, f"play does not say {name}")
    assert pack(playing) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "there is no pack 'missing'"),
        ("broken", "anchors.npz"),
        ("future", "format is 99"),
        ("../../etc", "takes a name"),
    ],
)
def test_a_pack_that_cannot_be_played_is_refused_with_one_line(
    playing: Playing, ear: Ear, name: str, reason: str
) -> None:
    since = len(playing.lines)
    playing.send("/pack", "s", name)
    line = playing.says("refused /pack", after=since)
    assert reason in line
    assert pack(playing) == "footsteps" and rms_db(ear.heard[-ear.rate // 4 :]) > -60


def test_a_preset_brings_its_pack(playing: Playing, ear: Ear) -> None:
    since = len(playing.lines)
    playing.send("/preset", "s", "kit")
    playing.says("preset Kit", after=since)
    values = synced(playing.port)
    assert values["/pack"] == ("oneshots",) and values["/mode"] == ("shot",)
    assert playing.lines[since:].index("pack   oneshots") >= 0


def test_what_is_left_out_is_told_to_the_performer_and_those_who_follow(
    playing: Playing, ear: Ear
) -> None:
    playing.send("/plane", "s", "raw")
    playing.send("/axes", "ii", 3, 1)
    since = len(playing.lines)
    playing.send("/pack", "s", "telephone")
    line = playing.says("note   left out", after=since)
    assert "/plane raw" in line and "/axes 3 1" in line and "/pack footsteps" in line
    playing.send("/pack", "s", "footsteps")
    until(lambda: pack(playing) == "footsteps", "footsteps is not back")
    values = synced(playing.port)
    assert values["/plane"] == ("raw",) and values["/axes"] == (3, 1)
