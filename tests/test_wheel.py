"""The built wheel, in an environment of its own, without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement

import latentpad
from latentpad.benchmarks.programs import free_port
from latentpad.models import extras
from latentpad.models.packs.pack import find, load
from tests.copies import ROOT, copy_kernels

pytestmark = pytest.mark.early


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`latentpad`, installed from the wheel. What it depends on is found where the tests find it;
    no extra is, and so no TensorFlow, nor the checkout, which is installed there as editable."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    paths = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    own = Path(paths.stdout.strip())
    install = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps"]
    subprocess.run([*install, "--python", str(python), str(wheel)], check=True, capture_output=True)
    (installed,) = metadata.distributions(name="latentpad", path=[str(own)])
    for distribution in dependencies(installed).values():
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (own / top).exists():  # packages may share a folder
                (own / top).symlink_to(str(distribution.locate_file(top)))
    assert not [*own.glob("*tensorflow*"), *own.glob("keras*")]
    package = own / "latentpad"
    for path in (ROOT / "engine").rglob("*.py"):  # as old as here: their kernels are compiled
        copy = package / "engine" / path.relative_to(ROOT / "engine")
        assert copy.read_bytes() == path.read_bytes()
        os.utime(copy, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    copy_kernels(package, folder / "kernels")
    return folder / "bin" / "latentpad"


def dependencies(installed: metadata.Distribution) -> dict[str, metadata.Distribution]:
    """What a distribution requires without its extras, and what that requires, by name."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [(installed, "")]
    while wanted:
        distribution, extra = wanted.pop()
        for requirement in map(Requirement, distribution.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                required = metadata.distribution(requirement.name)
                new_extras = [] if requirement.name in found else [""]
                wanted += [(required, name) for name in [*new_extras, *requirement.extras]]
                found[requirement.name] = required
    return found


@dataclass
class Installed:
    """The installed program, run in a folder of its own."""

    program: Path
    folder: Path
    env: dict[str, str]

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *words], env=self.env, cwd=self.folder,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def python(self, code: str) -> str:
        """What `code` prints in its environment."""
        return subprocess.run(
            [self.program.parent / "python", "-c", code], env=self.env, cwd=self.folder,
            capture_output=True, text=True, timeout=240, check=True,
        ).stdout  # fmt: skip

    @contextmanager
    def playing(self, *words: str | Path) -> Iterator[str]:
        """The UDP port of an instrument that is ready, on null audio."""
        port = str(free_port())
        command = [self.program, "play", *words, "--null-audio", "--osc-port", port]
        with subprocess.Popen(
            command, env=self.env, cwd=self.folder, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert "ready\n" in iter(process.stdout.readline, "")
                yield port
            finally:
                process.terminate()
                process.communicate()
        assert process.returncode == 0


@pytest.fixture
def run(tmp_path: Path, program: Path) -> Installed:
    """With a PYTHONPATH on which a researcher's own modules have our folders' names."""
    own, here = tmp_path / "own", tmp_path / "here"
    own.mkdir()
    here.mkdir()
    for name in ("benchmarks", "cli", "controllers", "engine", "evaluation", "models", "presets"):
        (own / f"{name}.py").write_text("raise ImportError('a module of somebody else')")
    kernels = program.parents[1] / "kernels"
    env = {
        **os.environ, "PYTHONPATH": str(own), "NUMBA_CACHE_DIR": str(kernels),
        "FREESOUND_API_KEY": "key",
    }  # fmt: skip
    return Installed(program, here, env)


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"latentpad", f"latentpad-{latentpad.__version__}.dist-info"}
    assert "latentpad/py.typed" in names
    assert any(name.startswith("latentpad/models/packs/footsteps/") for name in names)


def written_take(path: Path, phase: str) -> Path:
    lines = [
        {"preset": "shots", "pack": "footsteps", "seed": 0},
        {"t": 0.0, "address": "/phase", "args": [phase]},
        {"t": 0.0, "address": "/note", "args": [60, 100]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_it_plays_records_and_renders_without_tensorflow(run: Installed, tmp_path: Path) -> None:
    assert output(run("--version")).strip() == f"latentpad {latentpad.__version__}"
    assert "audio outputs" in output(run("devices"))
    take = tmp_path / "take.jsonl"
    with run.playing("shots", "--record-gestures", take) as port:
        assert "/phase" in output(run("send", "/sync", "--port", port))
        output(run("send", "/note", "60", "100", "--port", port))
    output(run("render", take, "-o", tmp_path / "take.wav", "--seconds", "1"))
    assert "/note" in take.read_text()
    whole = written_take(tmp_path / "whole.jsonl", "fgla")
    output(run("render", whole, "-o", tmp_path / "whole.wav"))
    assert np.abs(soundfile.read(tmp_path / "whole.wav")[0]).max() > 0.01


def test_a_library_of_a_sound_map_is_made_listed_and_played_without_tensorflow(
    run: Installed, tmp_path: Path
) -> None:
    latents = load(find("footsteps")).latent_dim
    rows = [{"id": k, "name": f"sound {k}", "mu": [k / 3] * latents} for k in range(6)]
    sound_map = tmp_path / "map.json"
    sound_map.write_text(json.dumps(rows))
    library = tmp_path / "library"
    made = run("library", "map", library, sound_map, "--pack", "footsteps")
    assert "6 sounds added" in output(made)
    output(run("library", "remove", library, "3"))
    listed = output(run("library", "list", library, "--sounds"))
    assert "sound 4" in listed and "sound 3" not in listed
    with run.playing("originals", "--library", library) as port:
        assert "sound 4" in output(run("library", "play", library, "sound 4", "--osc-port", port))


def test_every_module_but_those_that_train_evaluate_and_fetch_is_imported_without_tensorflow(
    run: Installed,
) -> None:
    """`measure` and `bench` among them."""
    lacking = run.python(
        "import importlib, pkgutil, latentpad\n"
        "for module in pkgutil.walk_packages(latentpad.__path__, 'latentpad.'):\n"
        "    try: importlib.import_module(module.name)\n"
        "    except ModuleNotFoundError as error: print(module.name, error.name)\n"
    )
    names = {
        "evaluation.advice", "evaluation.html_report", "evaluation.markdown_report",
        "evaluation.run", "models.reconstruction", "models.refinement", "models.vae",
        "engine.decode.keras_decoder", "benchmarks.shapes",
        "benchmarks.textures",
    }  # fmt: skip
    for line in lacking.splitlines():
        module, package = line.split()
        name = module.removeprefix("latentpad.")
        assert package in extras.EXTRAS, line
        assert name in names or name.startswith(("models.training.", "models.freesound.")), line


@pytest.mark.parametrize(
    "words",
    [
        "train {sounds} -o pack",
        "evaluate footsteps --magnitudes",
        "import {pack}/decoder.keras -o pack",
        "library add library {sounds}",
        "library freesound library gravel",
        "plane {pack} learned",
        "plane {pack} descriptors",
        "plane {pack} map",
    ],
)
def test_what_needs_tensorflow_says_so_in_a_line_and_does_nothing(
    words: str, run: Installed, tmp_path: Path, recordings: Path
) -> None:
    copy = shutil.copytree(find("footsteps"), tmp_path / "pack")
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    done = run(*words.format(sounds=recordings, pack=copy).split())
    told_in_a_line(done)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert not [*(tmp_path / "here").iterdir()]


def test_a_model_that_only_tensorflow_decodes_says_so_too(run: Installed, tmp_path: Path) -> None:
    copy = shutil.copytree(find("footsteps"), tmp_path / "foreign")
    decoder = copy / "decoder.keras"
    with zipfile.ZipFile(decoder) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(decoder, "w") as file:
        for name, content in members.items():
            file.writestr(name, content.replace(b'"sigmoid"', b'"softmax"'))
    take = written_take(tmp_path / "take.jsonl", "rtpghi")
    rendered = run("render", take, "--pack", copy, "-o", tmp_path / "take.wav")
    told_in_a_line(rendered)
    assert not (tmp_path / "take.wav").exists()
    words = ("--pack", copy, "--null-audio", "--osc-port", str(free_port()))
    played = run("play", *words)
    assert played.returncode == 1 and "ready" not in played.stdout
    assert played.stderr.count("\n") == 1 and "latentpad[cpu]" in played.stderr


def told_in_a_line(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1 and not done.stdout, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.endswith("which is not installed: pip install 'latentpad[cpu]'\n")
