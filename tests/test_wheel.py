"""The built wheel, in an environment of its own, without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

import latentpad
from latentpad.benchmarks.programs import free_port
from tests.copies import ROOT, copy_kernels


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`latentpad`, installed from the wheel. What it depends on is found where the tests find it;
    the checkout, which is installed there as editable, is not."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    paths = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # A .pth file in a folder that a .pth file names is not read: so none of the editable checkout.
    Path(paths.stdout.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    install = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps"]
    subprocess.run([*install, "--python", str(python), str(wheel)], check=True, capture_output=True)
    package = Path(paths.stdout.strip(), "latentpad")
    for path in (ROOT / "engine").rglob("*.py"):  # as old as here: their kernels are compiled
        installed = package / "engine" / path.relative_to(ROOT / "engine")
        assert installed.read_bytes() == path.read_bytes()
        os.utime(installed, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    copy_kernels(package, folder / "kernels")
    return folder / "bin" / "latentpad"


@pytest.fixture
def beside(tmp_path: Path, program: Path) -> dict[str, str]:
    """An environment on whose PYTHONPATH a researcher's own modules have our folders' names."""
    own = tmp_path / "own"
    own.mkdir()
    for name in ("benchmarks", "cli", "controllers", "engine", "evaluation", "models", "presets"):
        (own / f"{name}.py").write_text("raise ImportError('a module of somebody else')")
    kernels = program.parents[1] / "kernels"
    return {**os.environ, "PYTHONPATH": str(own), "NUMBA_CACHE_DIR": str(kernels)}


def test_it_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"latentpad", f"latentpad-{latentpad.__version__}.dist-info"}
    assert "latentpad/py.typed" in names
    assert any(name.startswith("latentpad/models/packs/footsteps/") for name in names)


def test_it_plays_and_renders_beside_modules_of_the_folders_names(
    program: Path, beside: dict[str, str], tmp_path: Path
) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            [program, *words], env=beside, cwd=tmp_path / "own",
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("--version").strip() == f"latentpad {latentpad.__version__}"
    played = run("play", "--null-audio", "--seconds", "0.5", "--osc-port", str(free_port()))
    assert "ready" in played
    take, sound = tmp_path / "take.jsonl", tmp_path / "take.wav"
    lines = [
        {"preset": "shots", "pack": "footsteps", "seed": 0},
        {"t": 0.0, "address": "/note", "args": [60, 100]},
    ]
    take.write_text("\n".join(map(json.dumps, lines)))
    run("render", str(take), "-o", str(sound))
    assert np.abs(soundfile.read(sound)[0]).max() > 0.01
