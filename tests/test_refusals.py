"""Whatever is wrong with what it is given, the program says so in one line and ends with 1 or 2."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from latentpad.models.packs.pack import find
from tests.forking import latentpad
from tests.playing import free_port, fresh

pytestmark = pytest.mark.early


def refused(done: subprocess.CompletedProcess[str], *words: str, status: int = 1) -> None:
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if status == 1:
        assert len(lines) == 1, lines
    for word in words:
        assert word in done.stderr, done.stderr


def play(*words: str) -> subprocess.CompletedProcess[str]:
    return latentpad(
        "play", *words, "--null-audio", "--seconds", "0", "--osc-port", str(free_port())
    )


def test_an_unknown_preset_is_named_with_those_there_are() -> None:
    refused(play("wlak"), "wlak", "walk", "drone")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'title = "x"\npack = "footsteps"\n[values]\n"/loop/speed" = "fast"\n',
            ("4", "/loop/speed"),
        ),
        ('title = "x"\npack = "footsteps"\n[values]\n"/nothing" = 1\n', ("4", "/nothing")),
        ('title = "x"\npack = "footsteps"\n[values\n', ("3",)),
        ('title = "x"\npack = "footsteps"\n[values]\n"/gain" = 99\n', ("4", "/gain")),
        ('pack = "footsteps"\n', ("title",)),
    ],
)
def test_a_broken_preset_is_told_by_file_line_and_field(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    refused(play(str(file)), "mine.toml", *words)


def test_a_pack_with_a_missing_file_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "footsteps"
    shutil.copytree(find("footsteps"), pack)
    (pack / "anchors.npz").unlink()
    refused(play("--pack", str(pack)), str(pack), "anchors.npz")


def test_a_pack_with_wrong_shapes_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "footsteps"
    shutil.copytree(find("footsteps"), pack)
    with np.load(pack / "anchors.npz") as arrays:
        kept = dict(arrays)
    kept["latents"] = kept["latents"][:, :2]
    np.savez(pack / "anchors.npz", **kept)
    refused(play("--pack", str(pack)), "anchors.npz", "latents")


def test_a_pack_whose_decoder_does_not_fit_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "footsteps"
    shutil.copytree(find("footsteps"), pack)
    text = (pack / "model.toml").read_text()
    (pack / "model.toml").write_text(text.replace("frames = 188", "frames = 100"))
    refused(play("--pack", str(pack)), "decoder.keras")


def test_a_pack_whose_weights_overflow_is_refused_before_it_plays(tmp_path: Path) -> None:
    pack = tmp_path / "footsteps"
    shutil.copytree(find("footsteps"), pack)
    with zipfile.ZipFile(pack / "decoder.keras") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(content["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        arrays: list[h5py.Dataset] = []
        file.visititems(lambda _, node: arrays.append(node) if hasattr(node, "shape") else None)
        for array in arrays:
            array[...] = array[...] * 1e37
    content["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(pack / "decoder.keras", "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    take, wav = tmp_path / "take.jsonl", tmp_path / "out.wav"
    first, point = {"pack": str(pack)}, {"t": 0, "address": "/pad/xy", "args": [0.5, 0.5]}
    take.write_text("".join(f"{json.dumps(line)}\n" for line in (first, point)))
    words = (str(pack), "decoder.keras", "gives no numbers")
    done = play("--pack", str(pack))
    refused(done, *words)
    assert "ready" not in done.stdout.splitlines()
    refused(latentpad("render", str(take), "-o", str(wav)), *words)
    refused(latentpad("evaluate", str(pack), "-o", str(tmp_path / "evaluation")), *words)
    assert not wav.exists()


@pytest.mark.parametrize("address", ["/latent/1", "/lattice/1"])
@pytest.mark.parametrize("value", ["3.4e38", "1e308", "-1e308", "5e-324"])
def test_a_gesture_of_any_size_is_rendered(tmp_path: Path, address: str, value: str) -> None:
    take, wav = tmp_path / "take.jsonl", tmp_path / "out.wav"
    point = '{"t": 0, "address": "/pad/xy", "args": [0.5, 0.5]}'
    far = f'{{"t": 0.02, "address": "{address}", "args": [{value}]}}'
    rest = '{"t": 0.2, "address": "/panic", "args": []}'
    take.write_text("\n".join(('{"preset": "walk"}', point, far, rest, "")))
    done = latentpad("render", str(take), "-o", str(wav))
    assert done.returncode == 0 and not done.stderr, done.stderr
    samples, _ = soundfile.read(wav)
    assert np.abs(samples[int(0.02 * 48000) :]).max() > 1e-3


def test_a_taken_port_is_told_with_its_holder_and_the_way_out() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = latentpad("play", "--null-audio", "--seconds", "0", "--osc-port", str(port))
    refused(done, str(port), "--osc-port")


def test_an_unknown_device_is_refused_with_those_there_are() -> None:
    done = latentpad("play", "--device", "no such", "--osc-port", str(free_port()))
    refused(done, "no such", "there are")


@pytest.mark.parametrize(
    "words", [("fly",), ("play", "--block", "many"), ("play", "--block", "-1"), ("render",)]
)
def test_wrong_usage_ends_with_status_2(words: tuple[str, ...]) -> None:
    refused(latentpad(*words), status=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("empty",)),
        ("{}\nnot json\n", ("line 2",)),
        ('{}\n{"t": 1, "address": "/panic", "args": []}\n{"t": 0, "address": "/panic", "args": []}',
         ("line 3", "rise")),
        ('{}\n{"t": -1, "address": "/panic", "args": []}', ("line 2", "t:")),
        ('{}\n{"t": 0, "address": 3, "args": []}', ("line 2", "address")),
        ('{}\n{"t": 0, "address": "/panic", "args": {}}', ("line 2", "args")),
    ],
)  # fmt: skip
def test_a_broken_gesture_recording_is_told_by_its_line(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    take = tmp_path / "take.jsonl"
    take.write_text(text)
    refused(latentpad("render", str(take), "-o", str(tmp_path / "out.wav")), "take.jsonl", *words)
    assert not (tmp_path / "out.wav").exists()


def test_a_folder_without_sounds_cannot_be_trained_on(tmp_path: Path) -> None:
    refused(latentpad("train", str(tmp_path), "-o", str(tmp_path / "pack")), str(tmp_path))


NEW = ("-o", "{tmp}/new")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("train", "{tmp}/gone", "-o", "{tmp}/new/pack"), "{tmp}/gone: no such folder"),
        (("train", "{tmp}/empty", *NEW), "{tmp}/empty: 0 usable sounds found"),
        (("train", "{tmp}/empty", "-o", "{pack}"), "{pack}: is a pack already: name another one"),
        (("train", "{tmp}/empty", *NEW, "--recipe", "mine"), "--recipe 'mine' is none of"),
        (("train", "{tmp}/empty", *NEW, "--n-fft", "500"), "--n-fft 500 is none of 256, 512,"),
        (("import", "{tmp}/gone.keras", *NEW), "{tmp}/gone.keras: no such file"),
        (("import", "{file}", "--encoder", "{file}", "--sounds", "gone", *NEW), "gone: no such"),
        (("import", "{file}", "--map", "gone.json", *NEW), "gone.json: no such file"),
        (("import", "{file}", "--sounds", "{tmp}/empty", *NEW), "sounds need an encoder"),
        (("evaluate", "footsteps", "-o", "{file}"), "{file}: is a file: choose a folder"),
        (("evaluate", "no such pack"), "no such pack: no model pack"),
        (("evaluate", "footsteps", "--plane", "moon", *NEW), "plane 'moon': this pack has"),
        (("evaluate", "footsteps", "--sounds", "gone", *NEW), "no such file: give the folder"),
        (("bench", "--out", "{tmp}/gone/report.md"), "{tmp}/gone: no such folder"),
        (("measure", "--out", "{tmp}"), "{tmp}: is a folder: name a file for the report"),
        (("library", "add", "{tmp}/new", "{tmp}/empty", "--pack", "none"), "none: no model pack"),
        (("plane", "no such pack", "learned"), "no such pack: no model pack"),
    ],
)
def test_what_is_wrong_is_said_before_a_word_about_the_work(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    there, pack = tmp_path / "file.keras", tmp_path / "footsteps"
    there.write_text("something")
    (tmp_path / "empty").mkdir()
    shutil.copytree(find("footsteps"), pack)
    before = sorted(tmp_path.rglob("*"))
    paths = {"tmp": tmp_path, "file": there, "pack": pack}
    done = latentpad(*(word.format(**paths) for word in words))
    refused(done, complaint.format(**paths))
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_devices_are_listed_without_tensorflow() -> None:
    done = fresh("devices")
    assert done.returncode == 0
    assert "audio outputs" in done.stdout
    assert "MIDI inputs" in done.stdout


@pytest.mark.parametrize("command", [("measure",), ("bench", "--no-rest")], ids=" ".join)
@pytest.mark.parametrize("out", ["no/report.md", "folder", "file/report.md"])
def test_a_report_that_cannot_be_written_is_told_before_anything_is_measured(
    tmp_path: Path, command: tuple[str, ...], out: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.iterdir())
    done = latentpad(*command, "-o", str(tmp_path / out))
    refused(done, str((tmp_path / out).parent))
    assert not done.stdout and sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [("evaluate", "footsteps", "-o", "{}"), ("train", "{}", "-o", "{}/pack")],
    ids=("evaluate", "train"),
)
def test_a_folder_that_cannot_be_made_is_told_before_any_work(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused(latentpad(*(word.format(file) for word in words)), str(file))
    assert file.read_text() == "mine" and list(tmp_path.iterdir()) == [file]


def test_a_preset_whose_pack_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('title = "Mine"\npack = "../gone/pack"\n')
    done = play(str(tmp_path / "mine.toml"))
    refused(done, str(tmp_path.parent / "gone" / "pack"), "Mine", "--pack")
