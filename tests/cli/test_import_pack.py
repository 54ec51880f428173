"""`latentpad import` as typed: on a terminal it asks, elsewhere it names what is missing."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
from keras import layers

from latentpad.cli.import_wizard import ImportOptions, check_complete
from latentpad.models.importing.layout import ForeignError
from latentpad.models.packs import pack
from tests.forking import ROOT, latentpad


def decoder(path: Path, shape: tuple[int, ...]) -> Path:
    z = keras.Input((4,))
    size = 1
    for n in shape:
        size *= n
    y = layers.Reshape(shape)(layers.Dense(size, activation="sigmoid")(z))
    keras.Model(z, y).save(path)
    return path


class Terminal:
    """A program on a terminal of its own, and what stands there."""

    def __init__(self, *words: object) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "latentpad.cli.main", *map(str, words)],
            stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, close_fds=True,
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def says(self, what: str, seconds: float = 120.0) -> None:
        """Wait until `what` stands there; what came before it is forgotten."""
        end = time.monotonic() + seconds
        while what not in self.text:
            assert time.monotonic() < end and self._read(), f"no {what!r} in {self.text!r}"
        self.text = self.text.split(what, 1)[1]

    def answer(self, text: str) -> None:
        os.write(self.master, f"{text}\n".encode())

    def ends(self) -> int:
        while self._read():
            pass
        status = self.process.wait(120)
        os.close(self.master)
        return status

    def _read(self) -> bool:
        try:
            ready, _, _ = select.select([self.master], [], [], 120)
            data = os.read(self.master, 4096) if ready else b""
        except OSError:  # Linux says so when the other side has closed
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def test_on_a_terminal_what_the_shape_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    model = decoder(tmp_path / "d.keras", (64, 32, 1))
    terminal = Terminal("import", model, "-o", tmp_path / "mine", "--window", "blackman")
    asked = [
        ("What comes first in (64, 32, 1), frequency or time [frequency]:", "sideways"),
        ("answer one of frequency, time", None),
        ("[frequency]:", ""),
        ("Sample rate of its sounds, Hz [22050]:", "often"),
        ("answer a whole number", None),
        ("[22050]:", "16000"),
        ("Samples from frame to frame (n_fft is 128) [32]:", "100"),
        ("hop is 100, more than half of n_fft 128", None),
        ("[32]:", "64"),
        ("What its numbers are [db]:", ""),
        ("Its lowest and highest value [0 1]:", "-1 1"),
        ("dB of those two values [-100 0]:", "-80 0"),
    ]
    for question, answer in asked:
        terminal.says(question)
        if answer is not None:
            terminal.answer(answer)
    terminal.says("32 frames of 64 samples at 16000 Hz: 0.128 s")
    terminal.says("latentpad plane")
    assert terminal.ends() == 0, terminal.text
    made = pack.load(tmp_path / "mine")
    r = made.representation
    assert (r.sample_rate, r.n_fft, r.hop, r.window) == (16000, 128, 64, "blackman")
    assert (r.frames, r.range_db) == (32, 80.0)
    assert made.training["foreign"]["values"] == [-1.0, 1.0]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The founding tool's kind of decoder as Keras 2 and its converter wrote it."""
    folder = tmp_path_factory.mktemp("web")
    shutil.unpack_archive(ROOT / "tests/models/importing/keras2/keras-2.15.tar.xz", folder)
    return folder


def test_a_decoder_of_keras_2_and_a_map_of_400_latents_play_as_they_should(
    web: Path, tmp_path: Path
) -> None:
    made = np.load(web / "numbers" / "web.npz")
    latents = np.concatenate([made["z"], np.random.default_rng(0).normal(size=(397, 4))])
    rows = [
        {"id": i, "name": f"step {i}", "url": f"https://example.org/{i}", "mu": list(map(float, z))}
        for i, z in enumerate(latents)
    ]
    (tmp_path / "map.json").write_text(json.dumps({"results": rows}))
    done = latentpad(
        "import", web / "tfjs" / "web" / "model.json", "-o", tmp_path / "steps", "--rate", 22050,
        "--hop", 256, "--map", tmp_path / "map.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "guessed from the shape (256, 64, 1): frequency first, n_fft 512" in done.stdout
    steps = pack.load(tmp_path / "steps")
    assert len(steps.anchors) == 400 and steps.anchors.names[2] == "step 2"
    # Its own Keras' numbers, frequencies first, from the decoder that the instrument plays.
    from latentpad.engine.decode.decoder import fastest_decoder

    decoded = fastest_decoder(steps)[0].whole(steps.anchors.latents[:3])
    pictures = (decoded[:, :, :256].transpose(0, 2, 1) + 100) / 100
    ours = pictures.reshape(3, -1)[:, :: int(made["step"])]
    np.testing.assert_allclose(ours, made["made"], atol=1e-5, rtol=0)
    # Two spots, at known frames and bins: they are heard at their times and frequencies.
    lines = [{"preset": "shots", "pack": str(tmp_path / "steps"), "seed": 0}]
    lines += [{"t": 0, "address": "/pitch", "args": [0]}]  # the preset's own is lower
    lines += [{"t": 0, "address": "/note", "args": [60, 100]}]
    (tmp_path / "take.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    done = latentpad("render", tmp_path / "take.jsonl", "-o", tmp_path / "steps.wav")
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(tmp_path / "steps.wav")
    assert rate == 22050
    high, low = (heard(samples[:, 0], rate, bins) for bins in ((160, 164), (40, 44)))
    assert low - high == pytest.approx((37.5 - 13.5) * 256 / rate, abs=0.02)


def heard(samples: Any, rate: int, bins: tuple[int, int]) -> float:
    """When a band is loudest, in seconds."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::64] * np.hanning(512)
    power = np.square(np.abs(np.fft.rfft(frames)))
    band = power[:, bins[0] - 3 : bins[1] + 3].sum(axis=1)
    best = int(band.argmax())
    # Most of what sounds there then is in the band.
    assert band[best] > 0.5 * power[best].sum()
    return 64 * best / rate


def test_elsewhere_what_is_missing_is_named_and_nothing_made(tmp_path: Path) -> None:
    model = decoder(tmp_path / "d.keras", (64, 33))
    done = latentpad("import", model, "-o", tmp_path / "mine", "--rate", "22050")
    assert done.returncode == 1 and not (tmp_path / "mine").exists()
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("latentpad")]
    assert "--hop is missing" in line and "--rate" not in line


@pytest.mark.parametrize(
    ("said", "shape", "complaint"),
    [
        ({}, (256, 64, 1), "--rate and --hop are missing"),
        ({"hop": 64}, (256, 64, 1), "--rate is missing"),
        ({"rate": 8000, "hop": 64, "orientation": "up"}, (256, 64), "neither frequency nor time"),
        ({"rate": 8000, "hop": 64}, (256, 64, 2), "say what the parts are"),
        ({"rate": 8000, "hop": 64}, (80, 60), "mel and other bands cannot be played"),
        ({"rate": 8000, "hop": 64, "n_fft": 1024}, (256, 64), "try another n_fft"),
        ({"rate": 8000, "hop": 64, "orientation": "time"}, (257, 60), "--orientation frequency"),
        ({"rate": 8000, "hop": 64, "scale": "loud"}, (256, 64), "choose one of db"),
    ],
)
def test_a_mistake_is_found_by_the_shape(
    said: dict[str, Any], shape: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(ForeignError, match=complaint):
        check_complete(ImportOptions(**said), shape)


def test_what_was_said_is_kept() -> None:
    said = ImportOptions(rate=8000, hop=64, orientation="time", levels=(-80.0, 0.0), dropped="dc")
    foreign = check_complete(said, (60, 256)).foreign
    assert (foreign.sample_rate, foreign.hop, foreign.orientation) == (8000, 64, "time first")
    assert foreign.range_db == 80 and foreign.dropped == "dc" and foreign.window == "hann"
