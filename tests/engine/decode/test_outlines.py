"""Outlines from a few frames against those of the whole sound."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.outlines import WINDOWS, Outlines, sampled
from latentpad.engine.expanders import fit
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.planes import Planes
from latentpad.models import vae
from latentpad.models.packs.pack import SHIPPED, Pack, load
from latentpad.models.representation import Floats, Representation, outline

EXPANDERS = ("mean", "lattice", "local", "rbf", "dwell")


def pad(pack: Pack, count: int) -> Floats:
    """(n, D) latents of `count` points on each plane of the pack by each of some expanders."""
    rng, planes, bounds = (
        np.random.default_rng(0),
        Planes(pack),
        LatentBounds.of(pack.anchors.latents),
    )
    found = []
    for name in planes.names:
        plane = planes.get(name, planes.default_axes(name))
        for expander in EXPANDERS:
            points = plane.from_pad(rng.random((count, 2)))
            found.append(bounds.clip(fit(expander, plane).expand(points)))
    return np.concatenate(found).astype(np.float32)


def mixtures(pack: Pack, count: int) -> Floats:
    """(count, D) lattice mixtures of four anchors each, some of them beyond the anchors."""
    rng, anchors = np.random.default_rng(1), pack.anchors.latents
    chosen = anchors[rng.integers(len(anchors), size=(count, 4))]
    weights = rng.uniform(-0.2, 1, (count, 3, 1))
    mixed = chosen[:, 0] + np.sum(weights * (chosen[:, 1:] - chosen[:, :1]), axis=1)
    return LatentBounds.of(anchors).clip(mixed).astype(np.float32)


def errors(pack: Pack, latents: Floats) -> np.ndarray:
    """(n, 3) absolute differences of level, onset and end to those of the whole sound."""
    decoder = FrameDecoder(pack)
    found = Outlines(pack, decoder).of(latents)
    r = pack.representation
    whole = [outline(r.spectrum(decoder.whole(z[None])[0]), r) for z in latents]
    return np.abs(np.subtract(found, whole))


def check(found: np.ndarray) -> None:
    """The level within a quarter of a dB, the onset within half a frame, the end roughly."""
    level, onset, end = found.T
    assert np.percentile(level, 95) < 0.25 and np.percentile(level, 99) < 2
    assert np.percentile(onset, 99) < 0.5 and np.mean(onset > 0.01) < 0.02
    assert np.median(end) <= 2 and np.percentile(end, 95) < 10


def small(pack: Pack, folder: Path, r: Representation, model: keras.Model) -> Pack:
    made = replace(pack, path=folder, representation=r, latent_dim=model.input_shape[1])
    model.save(made.decoder_path)
    return made


def fixed(pack: Pack, folder: Path, r: Representation, frames_db: Floats) -> Pack:
    """A pack of one sound, (frames, bins) dB, whatever the latent."""
    units = r.frames * r.bins
    z = keras.Input((2,))
    dense = layers.Dense(units, kernel_initializer="zeros")
    model = keras.Model(z, layers.Reshape((r.frames, r.bins))(dense(z)))
    dense.set_weights([np.zeros((2, units)), r.scaled(frames_db).reshape(-1)])
    return small(pack, folder, r, model)


@pytest.mark.parametrize("name", ["footsteps", "oneshots"])
def test_points_of_the_pad_have_the_outline_of_the_whole_sound(name: str) -> None:
    pack = load(SHIPPED / name)
    check(errors(pack, pad(pack, 20)))


@pytest.mark.parametrize("name", ["footsteps", "oneshots"])
def test_mixtures_and_recorded_sounds_have_the_outline_of_the_whole_sound(name: str) -> None:
    pack = load(SHIPPED / name)
    anchors = pack.anchors.latents[:: max(1, len(pack.anchors) // 200)]
    check(errors(pack, np.concatenate([anchors, mixtures(pack, 200)])))


@pytest.mark.parametrize("spread", [1.0, 10.0])
def test_sounds_of_an_untrained_wide_decoder_have_their_outlines(
    footsteps: Pack, tmp_path: Path, spread: float
) -> None:
    r = replace(footsteps.representation, texture_bands=0)
    _, model = vae.build(r, 64, width=384, hidden=512)
    latents = np.random.default_rng(0).normal(0, spread, (40, 64)).astype(np.float32)
    found = errors(small(footsteps, tmp_path, r, model), latents)
    assert found[:, 0].max() < 0.5
    assert found[:, 1].max() < 0.01


@pytest.mark.parametrize("start", [0, 1, 13, 14, 15, 16, 17, 30, 59, 61, 100, 150, 186, 187])
def test_an_onset_is_found_exactly_wherever_it_lies(
    footsteps: Pack, tmp_path: Path, start: int
) -> None:
    r = Representation(n_fft=16, hop=256, frames=188)
    levels_db = np.full(r.frames, -85.0)
    levels_db[start:] = -4 - 0.5 * np.arange(r.frames - start)
    levels_db[max(0, start - 2) : start] = (-30, -9)[-min(2, start) :] if start else ()
    sound = np.repeat(levels_db[:, None], r.bins, axis=1).astype(np.float32)
    pack = fixed(footsteps, tmp_path, r, np.maximum(sound, -90))
    level, onset, end = errors(pack, np.zeros((1, 2), np.float32))[0]
    assert level < 0.1 and onset < 1e-3 and end <= 12


def test_silence_has_the_outline_of_silence(footsteps: Pack, tmp_path: Path) -> None:
    r = Representation(n_fft=16, hop=256, frames=188)
    pack = fixed(footsteps, tmp_path, r, np.full((r.frames, r.bins), -90, np.float32))
    assert errors(pack, np.zeros((1, 2), np.float32)).max() < 1e-4


def test_a_sound_that_is_not_finite_has_no_outline(footsteps: Pack) -> None:
    outlines = Outlines(footsteps, FrameDecoder(footsteps))
    latents = np.full((1, footsteps.latent_dim), np.inf, np.float32)
    assert np.isnan(outlines.of(latents)[0]).all()
    assert np.isfinite(outlines.of(footsteps.anchors.latents[:1])[0]).all()


@pytest.mark.parametrize(
    "hop, frames", [(64, 1), (64, 2), (64, 5), (64, 300), (256, 9), (4096, 12)]
)
def test_short_sounds_and_other_hops_have_their_outlines(
    footsteps: Pack, tmp_path: Path, hop: int, frames: int
) -> None:
    r = Representation(n_fft=64, hop=hop, frames=frames)
    _, model = vae.build(r, 2, width=8, seed_channels=8, hidden=8)
    latents = np.random.default_rng(0).normal(0, 3, (10, 2)).astype(np.float32)
    found = errors(small(footsteps, tmp_path, r, model), latents)
    assert found[:, 0].max() < 0.5 and found[:, 1].max() < 0.01


@pytest.mark.parametrize("hop, frames", [(64, 1), (64, 700), (256, 188), (512, 94), (4096, 12)])
def test_samples_ascend_from_the_first_frame_to_the_last(hop: int, frames: int) -> None:
    found = sampled(Representation(hop=hop, frames=frames))
    assert found[0] == 0 and found[-1] == frames - 1
    assert (np.diff(found) > 0).all()


# ------------------------------------------------------------------ what it depends on


def test_an_outline_depends_on_the_latent_alone_to_the_last_bit(footsteps: Pack) -> None:
    latents = pad(footsteps, 8)
    outlines = Outlines(footsteps, FrameDecoder(footsteps))
    together = outlines.of(latents)
    other = FrameDecoder(footsteps)
    other.whole(latents[:2])  # its work memory is larger
    alone = Outlines(footsteps, other)
    order = np.random.default_rng(0).permutation(len(latents))
    assert [alone.of(latents[k : k + 1])[0] for k in order] == [together[k] for k in order]


def test_another_process_finds_the_same_outlines(footsteps: Pack) -> None:
    program = (
        "from latentpad.engine.decode.frame_decoder import FrameDecoder\n"
        "from latentpad.engine.decode.outlines import Outlines\n"
        "from latentpad.models.packs.pack import load\n"
        f"pack = load({str(footsteps.path)!r})\n"
        "found = Outlines(pack, FrameDecoder(pack)).of(pack.anchors.latents[:50])\n"
        "print([tuple(outline) for outline in found])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    found = Outlines(footsteps, FrameDecoder(footsteps)).of(footsteps.anchors.latents[:50])
    assert done.stdout.strip() == str([tuple(outline) for outline in found]), done.stderr


def test_no_more_than_the_samples_and_two_windows_are_decoded(footsteps: Pack) -> None:
    decoder, r = FrameDecoder(footsteps), footsteps.representation
    outlines, latents = Outlines(footsteps, decoder), mixtures(footsteps, 100)
    samples, window = 44, 18  # 42, and two that are computed twice
    counts = set()
    for latent in latents:
        before = decoder.computed[-1]
        outlines.of(latent[None])
        counts.add(decoder.computed[-1] - before)
    assert counts <= {samples + k * window for k in range(WINDOWS + 1)}
    assert len(sampled(r)) == 42 and samples in counts and samples + WINDOWS * window < r.frames / 2
