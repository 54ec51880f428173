"""The shipped pack, judged without its recordings: they are not part of the project."""

from __future__ import annotations

import numpy as np
import pytest

from models import networks, pack
from models.representation import loudness, onset


@pytest.fixture(scope="module")
def footsteps() -> pack.Pack:
    return pack.load(pack.find("footsteps"))


def test_it_holds_every_free_footstep(footsteps: pack.Pack) -> None:
    assert len(footsteps.anchors) == 321
    assert footsteps.representation.sample_rate == 48000
    assert footsteps.latent_dim == 4


def test_every_source_is_attributed_under_a_free_licence(footsteps: pack.Pack) -> None:
    rows = footsteps.sources()
    assert [row["id"] for row in rows] == list(footsteps.anchors.ids)
    for row in rows:
        assert "SA" not in row["licence"]
        assert row["licence"].startswith(("CC0", "CC BY"))
        assert row["author_attribution"]


def test_no_latent_is_dead_or_tells_what_another_tells(footsteps: pack.Pack) -> None:
    assert min(footsteps.kl) > 0.3
    correlation = np.corrcoef(footsteps.anchors.latents.T) - np.eye(4)
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


def test_its_figures_hold(footsteps: pack.Pack) -> None:
    unseen = footsteps.training["quality"]["test"]
    assert unseen["sounds"] >= 60
    assert unseen["mae_db"] < 9.3  # Table 1 of the paper, where the sounds are
    assert unseen["visqol"] > 3.9


def test_the_decoder_gives_its_anchors_back(footsteps: pack.Pack) -> None:
    """Decoding and encoding again lands near; onset and silence are where the anchor has them."""
    r = footsteps.representation
    decoder, encoder = networks.load_decoder(footsteps), networks.load_encoder(footsteps)
    chosen = np.arange(0, 321, 8)
    z = footsteps.anchors.latents[chosen]
    decoded = decoder.predict(z, verbose=0)
    again = encoder.predict(decoded, verbose=0)[:, :4]
    spread = footsteps.anchors.latents.std(axis=0)
    assert np.median(np.abs(again - z) / spread) < 0.35
    frames = [r.unscaled(sound) for sound in decoded]
    late = [onset(f, r) for f in frames] - footsteps.anchors.onset[chosen]
    assert np.median(np.abs(late)) < 1.5
    assert all(-40 < loudness(f, r) < 20 for f in frames)
    # Most footsteps are over before the last tenth of a second: the decoder knows silence.
    assert np.median(decoded[:, -18:].max(axis=(1, 2))) < 0.1


def test_it_is_small_enough_to_ship(footsteps: pack.Pack) -> None:
    size = sum(file.stat().st_size for file in footsteps.path.iterdir())
    assert size < 20e6
    assert not {".wav", ".flac", ".ogg"} & {file.suffix for file in footsteps.path.iterdir()}
