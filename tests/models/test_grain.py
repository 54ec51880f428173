"""What a model misses of its anchors, in memory and in files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentpad.models.audio import reading
from latentpad.models.grain import MOST_STEPS, STEP_DB, Steps, recorded_db, residual
from latentpad.models.libraries.grain import RecordedResiduals, sweep
from latentpad.models.packs import grain as grain_files
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Floats
from latentpad.models.sources.licences import allows_derivatives
from latentpad.models.training.grain import allowed, keep


def flat(pack: Pack) -> Callable[[Floats], Floats]:
    """A decoder all of whose sounds are -30 dB everywhere."""
    r = pack.representation
    return lambda latents: np.full((len(latents), r.frames, r.columns), -30, np.float32)


@pytest.fixture
def own(small: Pack, tmp_path: Path) -> Pack:
    """A pack in a folder of its own."""
    folder = tmp_path / "own"
    return packs.load(shutil.copytree(small.path, folder))


def test_a_residual_leads_from_what_is_decoded_to_the_recording() -> None:
    rng = np.random.default_rng(0)
    recorded, decoded = -60 * rng.random((2, 30, 20)).astype(np.float32)
    steps = residual(recorded, decoded)
    assert steps is not None and steps.dtype == np.int8
    assert np.abs(decoded + STEP_DB * steps - recorded).max() <= STEP_DB / 2 + 1e-5


def test_a_residual_ends_at_what_a_byte_holds_and_is_none_of_what_is_no_number() -> None:
    silent, loud = np.full((2, 3), -90, np.float32), np.zeros((2, 3), np.float32)
    np.testing.assert_array_equal(residual(silent, loud), np.full((2, 3), -MOST_STEPS))
    assert residual(loud, np.full((2, 3), np.nan, np.float32)) is None


# -- beside a pack ------------------------------------------------------------------------------


def test_a_packs_grain_is_read_as_it_was_written(own: Pack) -> None:
    r = own.representation
    rows: list[Steps | None] = [
        np.full((r.frames, r.bins), k, np.int8) for k in range(len(own.anchors))
    ]
    rows[3] = None
    assert not grain_files.has_file(own)
    grain_files.write(own, rows)
    read = grain_files.PackResiduals(own)
    assert read.residual(3) is None
    found = read.residual(5)
    assert found is not None and (found == 5).all() and found.shape == (r.frames, r.bins)
    assert not list(own.path.glob(".*-new"))


def test_a_training_folder_gives_the_grain_of_its_recordings(own: Pack, recordings: Path) -> None:
    assert keep(own, recordings, flat(own)) == len(own.anchors)
    read, name = grain_files.PackResiduals(own), str(own.anchors.ids[4])
    expected = residual(
        recorded_db(recordings / name, own.representation),
        own.representation.spectrum(flat(own)(own.anchors.latents[:1])[0]),
    )
    np.testing.assert_array_equal(read.residual(4), expected)


def test_a_pack_that_is_shipped_keeps_no_grain(recordings: Path) -> None:
    footsteps = packs.load(packs.find("footsteps"))
    with pytest.raises(PackError, match="is shipped"):
        keep(footsteps, recordings, flat(footsteps))
    assert not grain_files.has_file(footsteps)


def test_a_folder_without_the_packs_sounds_is_refused(
    own: Pack, recordings: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(recordings, tmp_path / "other"))
    for k, path in enumerate(sorted(other.rglob("*.wav"))):
        path.rename(path.with_name(f"another{k}.wav"))
    with pytest.raises(PackError, match="none of the sounds"):
        keep(own, other, flat(own))


def test_sounds_without_leave_have_no_grain_and_one_line_says_how_many(
    own: Pack, recordings: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(recordings, tmp_path / "listed"))
    names = [str(name) for name in own.anchors.ids]
    licences = ["CC BY 4.0"] * len(names)
    licences[1], licences[2], licences[3] = "CC BY-ND 4.0", "ask me", ""
    rows = [f"{name},{text},somebody" for name, text in zip(names, licences, strict=True)]
    (folder / "sounds.csv").write_text("\n".join(["file,licence,author", *rows]))
    lines: list[str] = []
    assert keep(own, folder, flat(own), lines.append) == len(names) - 3
    read = grain_files.PackResiduals(own)
    assert [read.residual(k) is None for k in range(5)] == [False, True, True, True, False]
    (line,) = lines
    assert "3 sounds without grain: their licence" in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC0", True), ("CC BY 4.0", True), ("CC BY-NC-SA 3.0", True), ("CC BY-ND 4.0", False),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", False), ("all rights", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_licence_allows_derivatives_if_it_is_understood_and_says_so(
    text: str, expected: bool
) -> None:
    assert allows_derivatives(text) == expected


def test_a_sound_of_nobody_else_is_the_users_own() -> None:
    assert allowed({}) and allowed({"licence": "", "author_attribution": "", "url": ""})
    assert not allowed({"licence": "", "author_attribution": "somebody"})


@pytest.mark.parametrize("fault", ["short", "shape", "type", "objects", "nothing", "archive"])
def test_a_broken_grain_is_refused_in_one_line(own: Pack, fault: str) -> None:
    r, path = own.representation, own.path / grain_files.FILE
    shape = len(own.anchors), r.frames, r.bins
    np.save(path, np.zeros(shape, np.int8))
    if fault == "short":
        os.truncate(path, 1000)
    elif fault == "nothing":
        path.write_bytes(b"")
    elif fault == "archive":
        with path.open("wb") as file:
            np.savez(file, grain=np.zeros(shape, np.int8))
    else:
        wrong = {
            "shape": np.zeros((1, *shape[1:]), np.int8),
            "type": np.zeros(shape, np.uint8),
            "objects": np.array([{}] * 3, object),
        }[fault]
        np.save(path, wrong, allow_pickle=True)
    with pytest.raises(PackError) as error:
        grain_files.PackResiduals(own)
    assert "grain.npy" in str(error.value) and "\n" not in str(error.value)
    packs.load(own.path)  # the pack itself is sound


# -- of a library -------------------------------------------------------------------------------


class Recorded:
    """The residuals of a pack's recordings, and how often its decoder was asked."""

    def __init__(self, pack: Pack, recordings: Path, folder: Path) -> None:
        self.decoded = 0
        ids = [str(name) for name in pack.anchors.ids]
        self.source = RecordedResiduals(
            pack, lambda anchor: recordings / ids[anchor], lambda: self._decode, folder
        )
        self._flat = flat(pack)

    def _decode(self, latents: Floats) -> Floats:
        self.decoded += 1
        return self._flat(latents)


def test_a_librarys_residual_is_made_once_and_kept_on_disk(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    first = Recorded(small, recordings, tmp_path / "kept")
    made = first.source.residual(2)
    again = Recorded(small, recordings, tmp_path / "kept")
    np.testing.assert_array_equal(again.source.residual(2), made)
    assert made is not None and (first.decoded, again.decoded) == (1, 0)


def test_another_recording_or_latent_has_another_residual(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(recordings, tmp_path / "recordings"))
    Recorded(small, folder, tmp_path / "kept").source.residual(2)
    moved = replace(small, anchors=replace(small.anchors, latents=small.anchors.latents + 1))
    after = Recorded(moved, folder, tmp_path / "kept")
    after.source.residual(2)
    assert after.decoded == 1
    shutil.copy(folder / str(small.anchors.ids[3]), folder / str(small.anchors.ids[2]))
    changed = Recorded(small, folder, tmp_path / "kept")
    changed.source.residual(2)
    assert changed.decoded == 1


def test_a_recording_that_is_lost_or_no_sound_has_no_residual(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(recordings, tmp_path / "recordings"))
    (folder / str(small.anchors.ids[2])).write_bytes(b"no sound")
    (folder / str(small.anchors.ids[3])).unlink()
    source = Recorded(small, folder, tmp_path / "kept").source
    assert source.residual(2) is None and source.residual(3) is None
    assert source.residual(4) is not None


def test_a_residual_is_made_where_the_disk_takes_nothing(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert Recorded(small, recordings, tmp_path / "file").source.residual(2) is not None


def test_the_least_used_residuals_are_deleted(tmp_path: Path) -> None:
    for k in range(5):
        (tmp_path / f"{k}.i8").write_bytes(bytes(100))
        os.utime(tmp_path / f"{k}.i8", (k, k))
    sweep(tmp_path, 350)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.i8", "3.i8", "4.i8"]


def test_a_recording_is_read_as_in_a_training(small: Pack, recordings: Path) -> None:
    r, path = small.representation, recordings / str(small.anchors.ids[0])
    expected = r.decibels(r.magnitudes(reading.read_samples(path, r)))
    np.testing.assert_array_equal(recorded_db(path, r), expected)
