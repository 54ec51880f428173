"""Adding planes to a pack that is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from latentpad.models.audio import descriptors, reading
from latentpad.models.maps import picture, planes
from latentpad.models.maps.projection import MapError
from latentpad.models.packs import pack


@pytest.fixture
def copy(small: pack.Pack, tmp_path: Path) -> pack.Pack:
    """A pack that a test may change, as packs were before there were descriptors."""
    folder = Path(shutil.copytree(small.path, tmp_path / "copy"))
    (folder / "descriptors.npz").unlink(missing_ok=True)
    return pack.load(folder)


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_descriptors_are_measured_on_the_recordings(copy: pack.Pack, recordings: Path) -> None:
    made = planes.add(copy, "descriptors", sounds=recordings)
    assert tuple(made.descriptors) == descriptors.MEASURED
    assert tuple(made.described) == descriptors.NAMES
    r = copy.representation
    for k, id in enumerate(copy.anchors.ids):
        sound = r.decibels(r.magnitudes(reading.read_samples(recordings / str(id), r)))
        assert made.described["brightness"][k] == np.float32(descriptors.measure(sound, r)[0])
    tones = copy.anchors.labels == "tone"
    noisiness = made.described["noisiness"]
    assert noisiness[tones].max() < noisiness[~tones].min()
    assert made.default_plane == "learned" and made.planes.keys() == copy.planes.keys()


def test_without_recordings_they_are_measured_on_what_the_decoder_makes(copy: pack.Pack) -> None:
    made = planes.add(copy, "descriptors")
    assert all(np.isfinite(v).all() and len(v) == 12 for v in made.descriptors.values())
    again = planes.add(made, "descriptors")
    for name, values in made.descriptors.items():
        np.testing.assert_array_equal(again.descriptors[name], values)


def test_a_map_is_added_beside_the_others_and_may_become_the_default(copy: pack.Pack) -> None:
    before = content(copy.path)
    made = planes.add(copy, "umap", default=True)
    assert set(made.planes) == {"map", "learned", "umap"} and made.default_plane == "umap"
    np.testing.assert_array_equal(made.planes["map"], copy.planes["map"])
    assert (made.training, made.kl, made.title) == (copy.training, copy.kl, copy.title)
    changed = {n for n, data in content(copy.path).items() if before.get(n) != data}
    assert changed == {"planes.npz", "model.toml", "plane.png"}
    assert planes.add(made, "map", seed=1).default_plane == "umap"


def test_the_picture_is_always_of_the_plane_that_the_pack_begins_on(
    copy: pack.Pack, recordings: Path
) -> None:
    file = copy.path / picture.FILE
    made = planes.add(copy, "map", seed=1)
    assert made.default_plane == "learned"
    assert file.read_bytes() == picture.draw(copy) == picture.draw(made)
    file.write_bytes(b"another one")
    again = planes.add(made, "learned", seed=1)
    assert file.read_bytes() == picture.draw(again)
    begun = planes.add(again, "descriptors", sounds=recordings, default=True)
    assert file.read_bytes() == picture.draw(begun) != picture.draw(again)
    assert not [p for p in copy.path.iterdir() if p.name.startswith(".")]


def test_a_map_may_be_learned_from_what_the_decoder_makes(copy: pack.Pack) -> None:
    made = planes.add(copy, "learned", seed=1)
    assert made.planes["learned"].shape == (12, 2)
    np.testing.assert_array_equal(
        planes.add(made, "learned", seed=1).planes["learned"], made.planes["learned"]
    )


def test_the_pack_may_begin_on_its_descriptors(copy: pack.Pack, recordings: Path) -> None:
    made = planes.add(copy, "descriptors", sounds=recordings, default=True)
    assert pack.load(copy.path).default_plane == made.default_plane == "descriptors"


@pytest.mark.parametrize("name", ["moon", "raw", "", "../x"])
def test_a_plane_that_cannot_be_made_is_refused(copy: pack.Pack, name: str) -> None:
    with pytest.raises(pack.PackError, match="choose map, umap, learned, descriptors"):
        planes.add(copy, name)


def test_a_missing_recording_is_named_and_nothing_changes(
    copy: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    some = Path(shutil.copytree(recordings, tmp_path / "some"))
    gone = some / str(copy.anchors.ids[7])
    gone.unlink()
    before = content(copy.path)
    with pytest.raises(pack.PackError, match=rf"holds no {copy.anchors.ids[7]}.*leave it out"):
        planes.add(copy, "descriptors", sounds=some)
    gone.write_bytes(b"no sound")
    with pytest.raises(reading.AudioError, match="not readable"):
        planes.add(copy, "descriptors", sounds=some)
    assert content(copy.path) == before


def test_ids_never_lead_out_of_the_folder(
    copy: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    shutil.copy(next(recordings.rglob("*.wav")), tmp_path / "outside.wav")
    with np.load(copy.path / "anchors.npz") as file:
        arrays = dict(file)
    arrays["ids"] = np.array(["../outside.wav", *arrays["ids"][1:]])
    np.savez(copy.path / "anchors.npz", **arrays)
    inside = Path(shutil.copytree(recordings, tmp_path / "inside"))
    with pytest.raises(pack.PackError, match=r"holds no \.\./outside\.wav"):
        planes.add(pack.load(copy.path), "descriptors", sounds=inside)


def test_a_plane_that_cannot_be_written_leaves_the_pack_as_it_was(
    copy: pack.Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(copy.path)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack.np, "savez_compressed", full)
    with pytest.raises(pack.PackError, match=r"cannot be written \(No space left"):
        planes.add(copy, "map")
    assert content(copy.path) == before


def test_without_umap_learn_the_pack_stays_as_it_was(
    copy: pack.Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(latents: object, seed: int, tell: object) -> pack.Floats:
        raise MapError("UMAP is not installed")

    before = content(copy.path)
    monkeypatch.setitem(planes.MAPS, "umap", missing)
    with pytest.raises(MapError):
        planes.add(copy, "umap")
    assert content(copy.path) == before
