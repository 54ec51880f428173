"""Planes from the command line: one is added to a pack, and played."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from latentpad.cli.main import app
from latentpad.controllers.osc.packet import decode, encode
from latentpad.engine.plane import default_axes
from latentpad.models.errors import LatentpadError
from latentpad.models.libraries import library
from latentpad.models.packs import pack
from tests.forking import latentpad
from tests.playing import Playing, free_port


def said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def copy(small: pack.Pack, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(small.path, tmp_path / "copy"))
    (folder / "descriptors.npz").unlink(missing_ok=True)
    return folder


def test_descriptors_are_added_and_named(copy: Path, recordings: Path) -> None:
    reported = said("plane", copy, "descriptors", "--sounds", recordings, "--default")
    assert "12 sounds on the plane descriptors" in reported
    assert f"latentpad play --pack {copy} --plane descriptors" in reported
    assert "brightness, hardness, noisiness" in reported and "loudness" in reported
    assert pack.load(copy).default_plane == "descriptors"
    assert f"which sound lies where: {copy / 'plane.png'}" in reported


def test_a_library_gets_a_map_of_its_own_and_no_other_plane(
    small: pack.Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "SHIPPED", small.path.parent)
    folder = tmp_path / "mine"
    library.create(folder, small).add(recordings)
    assert "12 sounds on a map of their own" in said("plane", folder, "map")
    assert (folder / "planes.npz").is_file()
    with pytest.raises(LatentpadError, match="only a map can be its own"):
        said("plane", folder, "umap")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("no-such-pack", "map"), "no-such-pack: no model pack"),
        (("COPY", "moon"), "choose map, umap, learned, descriptors"),
        (("COPY", "descriptors", "--sounds", "/nowhere"), "/nowhere: holds no"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    copy: Path, words: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(LatentpadError, match=complaint) as caught:
        said("plane", *(str(copy) if word == "COPY" else word for word in words))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--plane", "umap"), "this pack has no umap plane"),
        (("--plane", "moon"), "'moon' is none of raw, principal"),
        (("--axes", "0", "99"), "0 and 99 are no two of 0...63"),
        (("--axes", "depth", "loud"), "'loud' is none of auto, brightness"),
        (("--axes", "depth", "1"), "two latents or two descriptors"),
    ],
)
def test_play_refuses_planes_and_axes_before_any_sound(
    words: tuple[str, ...], complaint: str
) -> None:
    done = latentpad("play", *words, "--null-audio", "--osc-port", str(free_port()))
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr and len(done.stderr.splitlines()) == 1


class Pad:
    """A controller that follows the instrument."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.values: dict[str, tuple[object, ...]] = {}

    def send(self, address: str, *args: object) -> None:
        self._socket.sendto(encode(address, args), self._to)  # type: ignore[arg-type]

    def sees(self, address: str, *wanted: object, seconds: float = 10) -> bool:
        end = time.monotonic() + seconds
        while self.values.get(address) != wanted and time.monotonic() < end:
            try:
                for message in decode(self._socket.recv(65536)).messages:
                    self.values[message.address] = message.args
            except TimeoutError:
                continue
        return self.values.get(address) == wanted

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Playing]:
    folder = Path(shutil.copytree(pack.find("footsteps"), tmp_path / "footsteps"))
    count = len(pack.load(folder).anchors)
    values = np.random.default_rng(0).normal(size=(3, count)).astype(np.float32)
    pack.write_arrays(
        folder / "descriptors.npz",
        dict(zip(("brightness", "hardness", "attack"), values, strict=True)),
    )
    instrument = Playing(
        "--pack", str(folder), "--axes", "brightness", "attack", "--null-audio", home=tmp_path
    )
    yield instrument
    instrument.close()


def test_a_pad_may_show_the_names_of_its_axes(playing: Playing) -> None:
    assert playing.says("plane") == "plane  descriptors: brightness to the right, attack up"
    playing.says("OSC")
    pad = Pad(playing.port)
    pad.send("/sync")
    assert pad.sees("/plane", "descriptors") and pad.sees("/axes", "brightness", "attack")
    pad.send("/axes", "loudness", "hardness")
    pad.send("/plane", "raw")
    assert pad.sees("/axes", *default_axes(pack.load(pack.find("footsteps")).kl))
    pad.send("/axes", 0, 2)
    pad.send("/plane", "principal")
    pad.send("/plane", "descriptors")
    assert pad.sees("/axes", "brightness", "hardness")
    pad.close()
