from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.representation import Representation
from latentpad.models.training import batches, dataset
from latentpad.models.training.batches import Batches

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32)


def numbered(count: int) -> np.ndarray:
    """Sounds that are told by their value."""
    return np.broadcast_to(np.arange(count, dtype=np.float16)[:, None, None], (count, 4, 3))


@given(
    count=st.integers(1, 60), batch=st.integers(1, 20), members=st.integers(1, 5),
    epoch=st.integers(0, 5),
)  # fmt: skip
def test_the_shares_of_a_batch_are_the_batch(
    count: int, batch: int, members: int, epoch: int
) -> None:
    given = Batches(numbered(count), range(count), batch, seed=1, strength=0.0)
    seen: list[float] = []
    for at in range(epoch * len(given), (epoch + 1) * len(given)):
        shares = [given.part(at, member, members)[:, 0, 0] for member in range(members)]
        assert len({len(share) for share in shares}) == 1  # a mean of means is a mean
        whole = given[at][0][:, 0, 0]
        together = np.sort(np.concatenate(shares))
        assert set(whole) <= set(together)
        assert len(together) - len(whole) == -len(whole) % members
        seen.extend(whole)
    assert sorted(seen) == list(range(count))  # each sound once an epoch


def test_a_training_taken_up_again_sees_what_it_would_have_seen() -> None:
    sounds = np.random.default_rng(0).random((10, 8, 5)).astype(np.float16)
    whole = Batches(sounds, range(10), 4, seed=3, strength=0.5)
    later = Batches(sounds, range(10), 4, seed=3, strength=0.5)
    later.first_epoch = 2
    for at in range(5):
        np.testing.assert_array_equal(whole[6 + at][0], later[at][0])
    assert not np.array_equal(whole[0][0], whole[3][0])


def test_what_is_stored_is_what_was_read(recordings: Path, tmp_path: Path) -> None:
    result = dataset.clips(recordings)
    batches.write(tmp_path, result, R)
    read = batches.read(tmp_path, R)
    assert read is not None
    assert len(read.sounds) == 12
    assert read.kept == list(range(12))
    for i in (0, 7):
        sound, peak = dataset.spectrogram(result[i], R)
        np.testing.assert_allclose(read.sounds[i], sound, atol=1e-3)
        assert read.peaks[i] == pytest.approx(peak, abs=1e-4)
    np.testing.assert_array_equal(read.sounds[np.array([7, 0])][1], read.sounds[0])


def test_a_reading_that_was_killed_is_not_taken_for_one(recordings: Path, tmp_path: Path) -> None:
    def killed(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batches.write(tmp_path, dataset.clips(recordings), R, shown=killed)
    assert batches.read(tmp_path, R) is None
