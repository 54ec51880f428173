"""The shipped packs, judged without their recordings: those are not part of the project."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.models.packs import networks, pack
from latentpad.models.representation import loudness, onset
from latentpad.models.sources.licences import FREE, is_free

SOUNDS = {"footsteps": 321, "oneshots": 1365}
LATENTS = {"footsteps": 64, "oneshots": 128}


@pytest.fixture(scope="module", params=SOUNDS)
def shipped(request: pytest.FixtureRequest) -> pack.Pack:
    return pack.load(pack.find(request.param))


@pytest.fixture(scope="module")
def footsteps() -> pack.Pack:
    return pack.load(pack.find("footsteps"))


def test_every_shipped_pack_is_judged_here() -> None:
    assert {file.parent.name for file in pack.SHIPPED.glob("*/model.toml")} == set(SOUNDS)


def test_it_holds_every_free_sound(shipped: pack.Pack) -> None:
    assert len(shipped.anchors) == SOUNDS[shipped.name]
    assert shipped.representation.sample_rate == 48000
    assert shipped.latent_dim == LATENTS[shipped.name]


def test_every_source_is_attributed_under_a_free_licence(shipped: pack.Pack) -> None:
    rows = shipped.sources()
    assert [row["id"] for row in rows] == list(shipped.anchors.ids)
    for row in rows:
        assert is_free(row["licence"], FREE)
        assert row["author_attribution"]


def test_no_latent_is_dead_or_tells_what_another_tells(shipped: pack.Pack) -> None:
    assert min(shipped.kl) > 0.3
    correlation = np.corrcoef(shipped.anchors.latents.T) - np.eye(shipped.latent_dim)
    assert np.abs(correlation).max() < 0.5


def test_its_descriptors_tell_grass_from_a_stomp_and_metal_from_carpet(
    footsteps: pack.Pack,
) -> None:
    def middle(descriptor: str, label: str) -> float:
        chosen = np.char.startswith(footsteps.anchors.labels, label)
        return float(np.median(footsteps.described[descriptor][chosen]))

    assert middle("brightness", "grass") > middle("brightness", "stomp") + 10
    assert middle("depth", "stomp") > middle("depth", "grass") + 10
    assert middle("hardness", "metal") > middle("hardness", "carpet") + 0.1
    assert middle("attack", "grass") > middle("attack", "metal")


@pytest.mark.parametrize(
    ("name", "whole", "late"), [("footsteps", 3.9, 4.1), ("oneshots", 3.8, 3.9)]
)
def test_its_figures_hold(name: str, whole: float, late: float) -> None:
    unseen = pack.load(pack.find(name)).training["quality"]["test"]
    assert unseen["sounds"] >= 60
    assert unseen["mae_db"] < 9.3  # Table 1 of the paper, where the sounds are
    assert unseen["visqol"] > whole and unseen["visqol_late"] > late


@pytest.mark.parametrize(("name", "visqol"), [("footsteps", 4.3), ("oneshots", 4.15)])
def test_its_anchors_sound_as_their_recordings_and_have_their_grain(
    name: str, visqol: float
) -> None:
    anchors = pack.load(pack.find(name)).training["quality"]["anchors"]
    assert anchors["visqol"] >= visqol and anchors["mae_db"] <= 4
    assert 0.95 <= anchors["grain"] <= 1.05


def test_tonal_sounds_keep_their_partials() -> None:
    """Of the anchors of the one-shots, of which many are tonal."""
    anchors = pack.load(pack.find("oneshots")).training["quality"]["anchors"]
    assert anchors["tonal"] >= 10 and anchors["contrast"] >= 0.85


def test_the_decoder_gives_its_anchors_back(shipped: pack.Pack) -> None:
    """Decoding and encoding again lands near; onset and silence are where the anchor has them."""
    r = shipped.representation
    decoder, encoder = networks.load_decoder(shipped), networks.load_encoder(shipped)
    chosen = np.linspace(0, len(shipped.anchors) - 1, 41).astype(int)
    z = shipped.anchors.latents[chosen]
    decoded = r.spectrum(decoder.predict(z, verbose=0))
    again = encoder.predict(decoded, verbose=0)[:, : shipped.latent_dim]
    spread = shipped.anchors.latents.std(axis=0)
    assert np.median(np.abs(again - z) / spread) < 0.35
    frames = [r.unscaled(sound) for sound in decoded]
    late = [onset(f, r) for f in frames] - shipped.anchors.onset[chosen]
    assert np.median(np.abs(late)) < 1.5
    assert all(-40 < loudness(f, r) < 20 for f in frames)


def test_its_decoder_knows_silence(footsteps: pack.Pack) -> None:
    """Most footsteps are over before the last tenth of a second."""
    decoded = networks.load_decoder(footsteps).predict(footsteps.anchors.latents[::8], verbose=0)
    decoded = footsteps.representation.spectrum(decoded)
    assert np.median(decoded[:, -18:].max(axis=(1, 2))) < 0.1


def test_it_is_small_enough_to_ship(shipped: pack.Pack) -> None:
    size = sum(file.stat().st_size for file in shipped.path.iterdir())
    assert size < 25e6
    assert not {".wav", ".flac", ".ogg"} & {file.suffix for file in shipped.path.iterdir()}
