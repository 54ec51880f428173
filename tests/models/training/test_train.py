from __future__ import annotations

import os
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.models import progress
from latentpad.models.audio.texture import BANDS
from latentpad.models.libraries.encode import encode_batch
from latentpad.models.metrics import similarity
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Representation
from latentpad.models.training import callbacks, dataset
from latentpad.models.training.callbacks import TrainingCallback
from latentpad.models.training.config import Recipe, TrainingConfig
from latentpad.models.training.provenance import attributed
from latentpad.models.training.train import train
from tests.forking import Forked
from tests.models.training.killing import killed_after

pytestmark = pytest.mark.early

SMALL = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32, range_db=80.0)


def test_a_training_writes_a_pack_of_all_its_sounds(small: pack.Pack, recordings: Path) -> None:
    assert small.path.name == small.name == "small"
    assert len(small.anchors) == 12
    assert small.anchors.latents.shape == (12, 2)
    assert {str(i) for i in small.anchors.ids} == {
        p.relative_to(recordings).as_posix() for p in recordings.rglob("*.wav")
    }
    assert set(small.anchors.names) == {p.stem for p in recordings.rglob("*.wav")}
    assert set(small.anchors.labels) == {"noise", "tone"}
    assert (small.anchors.loudness < 0).all()
    # 160 samples of silence before each sound, frames of 128.
    np.testing.assert_allclose(small.anchors.onset, 160 / 128, atol=1)
    assert small.training["sounds"] == {"train": 7, "validation": 3, "test": 2}
    assert [row["id"] for row in small.sources()] == list(small.anchors.ids)


def test_anchors_are_where_a_library_would_place_their_recordings(
    small: pack.Pack, recordings: Path
) -> None:
    for id, latent in list(zip(small.anchors.ids, small.anchors.latents, strict=True))[:2]:
        placed = encode_batch(str(small.path), [(recordings / str(id)).read_bytes()])
        np.testing.assert_allclose(placed.latents[0], latent, atol=5e-4)


def test_the_pack_knows_what_its_recordings_are_like(small: pack.Pack, recordings: Path) -> None:
    from latentpad.models.audio import descriptors
    from latentpad.models.audio import reading as audio

    r = small.representation
    assert tuple(small.descriptors) == descriptors.MEASURED
    for i, id in enumerate(small.anchors.ids):
        heard = r.decibels(r.magnitudes(audio.read_samples(recordings / str(id), r)))
        described = [small.descriptors[name][i] for name in descriptors.MEASURED]
        np.testing.assert_allclose(described, descriptors.measure(heard, r), rtol=0.01, atol=0.05)
    noisy = small.anchors.labels == "noise"
    noisiness = small.descriptors["noisiness"]
    assert noisiness[noisy].min() > noisiness[~noisy].max()


def test_the_decoder_stays_between_silence_and_peak(small: pack.Pack) -> None:
    decoded = networks.load_decoder(small).predict(small.anchors.latents, verbose=0)
    assert decoded.shape == (12, 32, 129 + BANDS)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


def test_licences_and_authors_of_any_table_stand_in_the_packs_sources(
    recordings: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(recordings, tmp_path / "in"))
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.wav"))
    (folder / "list.csv").write_text(
        "Filename;License;Username\n"
        + "".join(
            f"{name};{'CC-BY-4.0' if i % 2 else 'CC BY-NC 4.0'};Ann {i}\n"
            for i, name in enumerate(names)
        )
    )
    heard = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32)
    config = TrainingConfig(2, Recipe(width=16), heard, epochs=1, batch=4)
    made = train(
        folder, tmp_path / "out", config, card=False, progress=False, log=lambda line: None
    )
    rows = made.sources()
    assert [row["id"] for row in rows] == names[1::2]
    assert [row["author_attribution"] for row in rows] == [f"Ann {i}" for i in range(1, 12, 2)]
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}
    assert attributed(rows).startswith("Every sound it learned from is attributed")
    assert made.licence == "CC BY 4.0"


def test_a_card_claims_no_attribution_that_is_not_there(small: pack.Pack) -> None:
    own = "It learned from its maker's own sounds: no author\nand no licence is noted of them."
    assert own in (small.path / "card.md").read_text() and small.licence == "none stated"
    assert attributed([{}, {"licence": "", "author_attribution": ""}]) == own
    text = attributed(
        [{"licence": "CC BY 4.0", "author_attribution": "Ann"}, {"licence": "CC0"}, {"url": ""}]
    )
    assert text.replace("\n", " ") == (
        "Of 3 sounds it learned from, 2 have a licence in `sources.csv` and 1 an author or a page; "
        "of 1 nothing is noted: its maker's own."
    )


def test_the_card_tells_how_many_sounds_were_held_out_and_why(small: pack.Pack) -> None:
    text = (
        "7 of 12 sounds are learned from; 5 are held out: 3 tell which epoch is the best, 2 how "
        "good the model is with sounds it has not met (`--held-out SHARE` holds out another share"
    )
    assert text in (small.path / "card.md").read_text()


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """ViSQOL, which takes a fifth of a second for each sound, judges only those of `small`."""
    monkeypatch.setattr(similarity, "visqol", lambda *sounds, **options: 4.0)


def test_where_no_sound_is_held_out_all_are_learned_from_and_the_card_says_so(
    small: pack.Pack, recordings: Path, tmp_path: Path, unheard: None
) -> None:
    lines: list[str] = []
    config = replace(short(small, epochs=1), held_out=0.0)
    made = train(recordings, tmp_path / "all", config, progress=False, log=lines.append)
    assert made.training["sounds"] == {"train": 12, "validation": 0, "test": 0}
    assert {row["split"] for row in made.sources()} == {"train"}
    text = "all 12 sounds are learned from: none is held out to judge the model by"
    assert text in lines
    card = (made.path / "card.md").read_text()
    assert f"A{text[1:]}" in card and "train (seen)" in card
    assert "unseen" not in card and "validation" not in card


def test_the_card_tells_seen_from_unseen(small: pack.Pack) -> None:
    card = (small.path / "card.md").read_text()
    for part in ("train (seen)", "test (unseen)", "ViSQOL", "| z0 |", "p50"):
        assert part in card
    for picture in ("loss.png", "reconstructions.png", "plane.png"):
        assert f"({picture})" in card
        assert (small.path / picture).read_bytes().startswith(b"\x89PNG")


def short(small: pack.Pack, epochs: int) -> TrainingConfig:
    """As `small` itself was taught, but for its length."""
    recipe, heard = Recipe(width=16), small.representation
    return TrainingConfig(2, recipe, heard, epochs=epochs, batch=4, held_out=0.4)


def test_the_same_seed_gives_the_same_weights(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    def again(seed: int) -> pack.Pack:
        config = replace(short(small, epochs=2), seed=seed)
        return train(recordings, tmp_path / f"seed{seed}", config, card=False, progress=False)

    first, second = (networks.load_decoder(p).get_weights() for p in (small, again(0)))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(again(1).anchors.latents - small.anchors.latents).max() > 1e-3


def test_weights_from_while_the_rate_is_high_are_not_kept_to_the_end(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    hasty = replace(short(small, epochs=8), recipe=Recipe(width=16, patience=1))
    made = train(recordings, tmp_path / "hasty", hasty, card=False, progress=False)
    assert made.training["best_epoch"] >= 4 and made.training["epochs"] > 4


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Ctrl-C in the first batch after so many epochs."""

    def stop(callback: TrainingCallback, batch: int, logs: object = None) -> None:
        if len(callback.history.train) == after and not callback.stop_requested:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(TrainingCallback, "on_train_batch_begin", stop)


def test_an_interrupt_keeps_the_best_so_far(
    small: pack.Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(monkeypatch, 4)
    config = short(small, epochs=1000)
    made = train(recordings, tmp_path / "cut", config, card=False, progress=False)
    assert made.training["epochs"] == 4
    assert networks.load_decoder(made).output_shape == (None, 32, 129 + BANDS)


def test_an_interrupt_before_there_is_anything_to_keep_writes_no_pack(
    small: pack.Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        train(recordings, tmp_path / "cut", short(small, epochs=1000), progress=False)
    assert not (tmp_path / "cut").exists()


def test_what_cannot_be_heard_is_left_out_and_the_training_goes_on(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(recordings, folder)
    (folder / "bad.wav").write_text("no sound")
    soundfile.write(folder / "silent.flac", np.zeros(1000), 16000)
    lines: list[str] = []
    config = short(small, epochs=1)
    made = train(folder, tmp_path / "out", config, card=False, progress=False, log=lines.append)
    assert len(made.anchors) == 12
    assert sum(made.training["sounds"].values()) == 12
    assert [line.removeprefix(f"{folder}/").split(": ")[0] for line in lines[:2]] == [
        "bad.wav", "silent.flac",
    ]  # fmt: skip
    assert lines[2] == "2 of 14 sounds left out"
    assert lines[3].startswith("7 of 12 sounds are learned from; 5 are held out")
    assert lines[4:] == [f"a picture of how it goes: {tmp_path}/out.training/preview.png"]


def test_a_folder_of_which_too_little_is_heard_is_refused(tmp_path: Path) -> None:
    for name in "abcd":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 16000)
    with pytest.raises(dataset.DatasetError, match="0 usable sounds found, at least 3"):
        train(tmp_path, tmp_path / "out", TrainingConfig(epochs=1), progress=False)


def test_a_last_fit_learns_from_the_sounds_held_out_and_nothing_calls_them_unseen(
    recordings: Path, tmp_path: Path, unheard: None
) -> None:
    lines: list[str] = []
    config = TrainingConfig(
        2, Recipe(width=16, last_fit=1.0), SMALL, epochs=12, batch=4, held_out=0.4
    )
    made = train(recordings, tmp_path / "out", config, progress=False, log=lines.append)
    assert "fitting once more, to all sounds" in lines
    quality = made.training["quality"]
    assert quality["anchors"]["sounds"] == 12
    assert {side: quality[side]["sounds"] for side in dataset.SIDES} == made.training["sounds"]
    before = sum(quality[side]["sounds"] * quality[side]["mae_db"] for side in dataset.SIDES) / 12
    assert quality["anchors"]["mae_db"] < before
    assert {row["split"] for row in made.sources()} == {"train"}
    placed = encode_batch(
        str(made.path), [(recordings / str(i)).read_bytes() for i in made.anchors.ids]
    )
    np.testing.assert_allclose(placed.latents, made.anchors.latents, atol=2e-3)
    card = (made.path / "card.md").read_text()
    assert "anchors (after the last fit, on all sounds)" in card
    assert "fit once more, to all sounds" in card and "test (unseen)" in card
    assert not (tmp_path / "out.training" / "last").exists()


def killed(recordings: Path, out: Path, after: int, last: bool) -> None:
    """A training that is killed after so many epochs of its first or last fit."""
    killed_after(after, last=last)
    callbacks.SAVED_EVERY_S = 0.0
    recipe = Recipe(width=16, last_fit=0.7)
    config = TrainingConfig(2, recipe, SMALL, epochs=6, batch=4, seed=3)
    train(recordings, out, config, card=False, progress=False)


def test_a_training_killed_in_either_fit_ends_with_the_weights_of_an_uninterrupted_one(
    recordings: Path, tmp_path: Path
) -> None:
    def run(name: str, killed_in: int, last: bool = False) -> int:
        return Forked(killed, recordings, tmp_path / name, killed_in, last).end().returncode

    for last in (False, True):
        assert run("killed", 3, last) == -signal.SIGKILL
        assert not (tmp_path / "killed").exists()
        assert (tmp_path / "killed.training" / "state" / "history.json").is_file()
    assert run("killed", -1) == 0
    assert run("whole", -1) == 0
    one, other = (pack.load(tmp_path / name) for name in ("killed", "whole"))
    assert one.training["epochs"] == other.training["epochs"] == 6
    for a, b in zip(
        networks.load_decoder(one).get_weights(),
        networks.load_decoder(other).get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)
    left = {path.name for path in (tmp_path / "killed.training").iterdir()}
    assert left == {"preview.png", "log"}


@pytest.mark.parametrize("name", ["my pack", "-", "x" * 65])
def test_a_name_no_pack_can_have_is_refused_before_training(
    recordings: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(pack.PackError, match="a name may hold letters"):
        train(recordings, tmp_path / name, TrainingConfig(epochs=10**9), progress=False)


def test_a_folder_of_something_else_is_refused_before_training(
    recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(pack.PackError, match="no model pack"):
        train(recordings, tmp_path, TrainingConfig(epochs=10**9), progress=False)


def test_a_pack_that_is_there_is_not_trained_over(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    there = Path(shutil.copytree(small.path, tmp_path / "there"))
    config = TrainingConfig(epochs=10**9)
    with pytest.raises(pack.PackError, match="there: is a pack already: name another one, or"):
        train(recordings, there, config, progress=False)
    # As an earlier training has left it.
    (tmp_path / "there.training" / "log").mkdir(parents=True)
    (tmp_path / "there.training" / "preview.png").touch()
    with pytest.raises(pack.PackError, match="there: is a pack already"):
        train(recordings, there, config, progress=False)
    assert pack.load(there).training == small.training


def test_what_an_earlier_training_has_left_is_not_in_the_way_and_a_strangers_files_are(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    left = tmp_path / "again.training"
    (left / "log").mkdir(parents=True)
    (left / "preview.png").write_bytes(b"old")
    made = train(
        recordings, tmp_path / "again", short(small, epochs=1), card=False, progress=False
    )  # fmt: skip
    assert made.name == "again" and (left / "preview.png").read_bytes() != b"old"
    strange = tmp_path / "other.training" / "thesis.doc"
    strange.parent.mkdir()
    strange.write_text("of years")
    with pytest.raises(pack.PackError, match=r"other\.training/thesis\.doc: is in the way: .*move"):
        train(recordings, tmp_path / "other", TrainingConfig(epochs=10**9), progress=False)
    assert strange.read_text() == "of years"


def endless(recordings: Path, out: Path) -> None:
    """A training whose log hears of it often."""
    progress.FIRST_S, progress.EVERY_S = 0.0, 0.1
    train(recordings, out, TrainingConfig(2, Recipe(width=16), SMALL, epochs=10**6))


def test_a_log_hears_of_a_training_while_it_runs(recordings: Path, tmp_path: Path) -> None:
    training = Forked(endless, recordings, tmp_path / "out")
    line = re.compile(r"^learning: \d+ %, epoch (\d+) of 1000000, loss .* dB, unseen .* dB", re.M)
    end = time.monotonic() + 240
    heard: set[str] = set()
    while len(heard) < 3 and time.monotonic() < end and training.lives:
        heard |= set(line.findall(training.said))
        time.sleep(0.1)
    training.kill()
    done = training.end()
    assert len(heard) >= 3, done
    assert "a picture of how it goes:" in done.stdout
