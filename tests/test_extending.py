"""What a page of CONTRIBUTING.md says that an expander, a phase method and a controller take, done
for real: one new file, one new entry, one new file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine.arguments import Argument
from tests.copies import copy_kernels
from tests.playing import ROOT, Playing

pytestmark = pytest.mark.early

# Shepard's interpolation, 1968: the mean of all sounds by the inverse square of their distance.
SHEPARD = """
from __future__ import annotations

import numpy as np

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import AnchorIndex, anchor_index
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.plane import Float64, Plane


class Shepard(Expander):
    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex) -> None:
        super().__init__(plane, guard)
        self._index = index
        self._unknown = index.means(plane.unknown)[0].astype(np.float64)

    def _latents(self, points: Float64) -> Float64:
        count = len(self._index.coordinates)
        _, distance, site = self._index.neighbours(points, count)
        near = np.broadcast_to(distance[:, :1], distance.shape)
        ratio = np.divide(near, distance, out=np.ones(distance.shape), where=distance > near)
        share = ratio**2 / (ratio**2).sum(axis=1, keepdims=True)
        unknown = (share[:, :, None] * self._unknown[site]).sum(axis=1)
        return kernels.to_latents(points, unknown, self._body, self._frame)


@Declaration(
    "shepard", 9, "the mean of all sounds, the nearer the more",
    exact=True, continuous=True, uses=("metric",),
)
def shepard(plane: Plane, settings: ExpanderSettings) -> Shepard:
    return Shepard(plane, settings.guard, anchor_index(plane, settings.metric))
"""

# A whole sound that nothing else makes: a tone of a hundred samples' period, whatever is asked.
TONE = '''
    PhaseMethod(
        "tone",
        "a tone",
        lambda magnitudes, hop, window: np.sin(
            np.arange(len(magnitudes) * hop, dtype=np.float32) * np.float32(2 * np.pi / 100)
        ),
    ),
)
"""The index of a method is'''

STRIP = """
from latentpad.engine.control.instrument import Sender

STRIP = Sender("strip")


class Strip:
    async def start(self, connection):
        self.connection = connection
        connection.follow(self, STRIP)
        connection.apply("/pad/1/xy", (0.25, 0.75), STRIP)
        connection.apply("/gain", (99.0,), STRIP)
        connection.apply("/gian", (0.0,), STRIP)
        connection.say("strip started")

    def send(self, address, args):
        if not address.startswith("/meter/") or address == "/meter/refused":
            self.connection.say(f"strip {address} {' '.join(map(str, args))}")

    async def stop(self):
        self.connection.unfollow(self)
        print("strip stopped", flush=True)


def controller():
    return Strip()
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout whose engine may be changed, and whose kernels are compiled already."""
    package = tmp_path / "latentpad"
    package.mkdir()
    for path in (ROOT / "latentpad").iterdir():
        if path.name != "engine":
            (package / path.name).symlink_to(path.resolve())
    for name in ("tests", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "engine", package / "engine")
    copy_kernels(package, tmp_path / "kernels")
    return tmp_path


def python(folder: Path, *words: str) -> str:
    """What a Python gives that finds the package in `folder`; fails if it fails."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
    }
    run = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def rendered(folder: Path, name: str, **values: Argument) -> tuple[np.ndarray, int]:
    """A shot with these parameters; samples (n,) and rate."""
    take, sound = folder / f"{name}.jsonl", folder / f"{name}.wav"
    commands: list[tuple[str, list[Argument]]] = [
        *((f"/{parameter}", [value]) for parameter, value in values.items()),
        ("/pad/1/xy", [0.4, 0.6]),
        ("/pad/1/touch", [1]),
    ]
    lines = [{"preset": "shots", "pack": "footsteps", "seed": 0}] + [
        {"t": 0.0, "address": address, "args": args} for address, args in commands
    ]
    take.write_text("\n".join(map(json.dumps, lines)))
    python(folder, "-m", "latentpad.cli.main", "render", str(take), "-o", str(sound))
    samples, rate = soundfile.read(sound)
    return samples.mean(axis=1), rate


LAWS = """
import sys, pytest
from latentpad.engine import expander_declarations as declarations, expanders
new = [d for d in declarations.DECLARED if d.name == "shepard"]
declarations.DECLARED, expanders.NAMES = new, ("shepard",)
sys.exit(pytest.main(["-p", "no:cacheprovider", "tests/engine/expanders/test_laws.py"]))
"""


def test_one_new_file_is_an_expander_that_is_chosen_told_of_heard_and_held_to_the_laws(
    copy: Path,
) -> None:
    (copy / "latentpad/engine/expanders/shepard.py").write_text(SHEPARD)
    chosen = (
        "from latentpad.engine.parameters import ROW; print(ROW['/expander'].parse(['shepard']))"
    )
    assert python(copy, "-c", chosen).strip() == "(9.0,)"
    assert "shepard" in python(
        copy,
        "-c",
        "from latentpad.evaluation.run import EvaluationSettings as E; print(E().expanders)",
    )
    page = f"import sys; sys.path.insert(0, {str(ROOT / 'docs')!r})\nimport reference\n"
    assert "| 9 | `shepard` |" in python(copy, "-c", page + "print(reference.control())")
    python(copy, "-c", LAWS)
    own, rate = rendered(copy, "own", expander="shepard")
    usual, _ = rendered(copy, "usual", expander="dwell")
    length = min(len(own), len(usual), rate // 2)
    assert np.abs(own).max() > 0.01
    assert np.abs(own[:length] - usual[:length]).max() > 0.01


def test_one_new_entry_is_a_phase_method_that_is_chosen_and_heard(copy: Path) -> None:
    table = copy / "latentpad/engine/phase_methods.py"
    source = table.read_text()
    assert source.count(')\n"""The index of a method is') == 1
    table.write_text(source.replace(')\n"""The index of a method is', TONE.lstrip("\n")))
    samples, rate = rendered(copy, "tone", phase="tone", pitch=0)
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    near = np.abs(frequency - frequency[spectrum.argmax()]) < 20
    assert np.abs(samples).max() > 0.01
    assert frequency[spectrum.argmax()] == pytest.approx(rate / 100, rel=0.02)
    assert spectrum[near].sum() > 0.9 * spectrum.sum()


def test_one_new_file_is_a_controller_that_moves_the_pad_and_hears_what_becomes_of_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "strips").mkdir()
    (tmp_path / "strips" / "strip.py").write_text(STRIP)
    playing = Playing(
        "--null-audio", "--controller", "strips.strip",
        home=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    try:
        playing.says("strip started")
        playing.says("strip /pad/1/xy 0.25 0.75")  # in the copy of all values
        playing.says("strip /gain 12.0")  # clamped
        playing.says("strip /refused /gian there is no such address")
        playing.says("strip /meter/refused 1")
        after = len(playing.lines)
        playing.send("/gain", "f", -20.0)
        playing.says("strip /gain -20.0", after=after)
    finally:
        status = playing.close()
    playing.says("strip stopped", seconds=1)
    assert status == 0


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("nothing", "there is no module latentpad.controllers.nothing"),
        ("no.such", "there is no module no.such"),
        ("latentpad.controllers.finger", "latentpad.controllers.finger has no `controller`"),
    ],
)
def test_a_controller_that_is_not_there_is_refused_in_one_line(module: str, said: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "latentpad.cli.main", "play", "--controller", module],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == f"latentpad: --controller {module}: {said}\n"
