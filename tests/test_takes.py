"""A take is what was played: rendered anywhere, it is what was heard, and as long."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from latentpad.benchmarks.takes import AT_ONCE, Likeness, Studio, studio
from latentpad.models.packs import grain
from latentpad.models.packs.pack import SHIPPED, load
from tests.forking import latentpad

pytestmark = pytest.mark.early

HOP = 128


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of one's own, in a folder of its own."""
    folder = tmp_path_factory.mktemp("packs") / "mine"
    return Path(shutil.copytree(SHIPPED / "footsteps", folder))


@pytest.fixture(scope="module")
def playing(own: Path) -> Iterator[Studio]:
    with studio(own) as playing:
        yield playing


def rendered(lines: Path, out: Path) -> Path:
    """What the command makes of the take, by a relative way from the folder of `out`."""
    with chdir(out.parent):
        done = latentpad("render", os.path.relpath(lines), "-o", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("preset", ["walk", "wind", "kit"])
def test_a_take_is_rendered_to_what_was_heard_and_the_same_twice(
    playing: Studio, tmp_path: Path, preset: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    sound, lines = playing.take(preset, tmp_path)
    one, other = (rendered(lines, tmp_path / "elsewhere" / f"{k}.wav") for k in "ab")
    like = Likeness.of(sound, one)
    assert abs(like.heard - like.rendered) <= HOP and like.heard > 2 * 48000
    assert like.correlation > 0.999, like
    assert one.read_bytes() == other.read_bytes()


def test_a_take_names_its_pack_by_the_way_to_it(playing: Studio, own: Path, tmp_path: Path) -> None:
    _, lines = playing.take("walk", tmp_path)
    head = json.loads(lines.read_text().splitlines()[0])
    assert head["preset"] == "walk" and not Path(head["pack"]).is_absolute()
    assert (tmp_path / head["pack"]).resolve() == own.resolve() and head["fingerprint"]


def test_a_take_with_grain_is_rendered_to_what_was_heard(own: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(own, tmp_path / "grained"))
    pack, rng = load(folder), np.random.default_rng(0)
    r = pack.representation
    steps = rng.integers(-20, 20, (r.frames + len(pack.anchors), r.bins)).astype(np.int8)
    grain.write(pack, (steps[k : k + r.frames] for k in range(len(pack.anchors))))
    with studio(folder) as playing:
        sound, lines = playing.take("walk", tmp_path, [*AT_ONCE, ("/grain", (0.7,))])
    # Anchors and amounts follow the latents.
    first = 3 + pack.latent_dim
    entries = (json.loads(line) for line in lines.read_text().splitlines()[1:])
    told = [entry["args"] for entry in entries if entry["address"] == "/take/sound"]
    assert any(len(args) > first for args in told)
    assert all(sum(args[first + 1 :: 2]) < 0.7 + 1e-6 for args in told)
    one = rendered(lines, tmp_path / "one.wav")
    like = Likeness.of(sound, one)
    assert abs(like.heard - like.rendered) <= HOP and like.correlation > 0.999, like
