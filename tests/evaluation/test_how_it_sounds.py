"""Table 3: what is heard at anchors and between them, beside the recordings that are at hand."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentpad.engine.decode.decoder import fastest_decoder
from latentpad.engine.expanders import fit
from latentpad.engine.planes import Planes
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.evaluation import html_report, markdown_report, sounds_report
from latentpad.evaluation.held import commands, held
from latentpad.evaluation.how_it_sounds import GRAINED, SoundRow, SoundTable, how_it_sounds
from latentpad.evaluation.motion import unchanging
from latentpad.evaluation.run import Evaluation, EvaluationSettings, evaluate
from latentpad.models.audio import reading
from latentpad.models.metrics import heard, similarity
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Representation
from tests.tone_packs import tone_pack

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=60, range_db=80.0)


@pytest.fixture(scope="module")
def made(small: Pack, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    settings = EvaluationSettings(
        pairs=1, draws=1, finer=1, planes=("map",), expanders=("nearest", "dwell"),
        perceptual=False, heard=5, held=1,
    )  # fmt: skip
    return evaluate(small, tmp_path_factory.mktemp("out"), settings, recordings=recordings)


def table(pack: Pack, recordings: Path | None, **settings: Any) -> SoundTable:
    plane = Planes(pack).get("map", (0, 1))
    given = {"sounds": 5, "held_places": 0, "no_visqol": "not now", **settings}
    return how_it_sounds(
        pack, plane, fit("dwell", plane), "dwell", fastest_decoder(pack)[0],
        recordings=recordings, **given,
    )  # fmt: skip


def by_name(table: SoundTable) -> dict[str, SoundRow]:
    return {row.name: row for row in table.rows}


def test_rows_tell_sounds_that_were_learned_from_and_those_that_were_not(made: Evaluation) -> None:
    rows = by_name(made.heard)
    assert list(rows) == [
        "recordings", "anchors", f"anchors{GRAINED}", "anchors learned from",
        "anchors not learned from", "between anchors", f"between anchors{GRAINED}",
    ]  # fmt: skip
    counts = made.pack.training["sounds"]
    assert rows["anchors learned from"].of == counts["train"]
    assert rows["anchors not learned from"].of == counts["validation"] + counts["test"]
    assert (rows["anchors"].sounds, rows["anchors"].of) == (5, 12)


def test_with_grain_anchors_are_the_recordings_and_sounds_between_have_theirs(
    made: Evaluation,
) -> None:
    rows = by_name(made.heard)
    plain, grained = rows["anchors"], rows[f"anchors{GRAINED}"]
    assert grained.mae_db < 1 < plain.mae_db and grained.sounds == plain.sounds
    assert abs(1 - grained.grain) < abs(1 - plain.grain)
    plain, grained = rows["between anchors"], rows[f"between anchors{GRAINED}"]
    assert abs(1 - grained.grain) < abs(1 - plain.grain) and math.isnan(grained.visqol)


def test_a_row_is_of_what_a_voice_plays_beside_the_recordings(
    small: Pack, recordings: Path, made: Evaluation
) -> None:
    r, decoder = small.representation, fastest_decoder(small)[0]
    details, errors = [], []
    for i in heard.evenly(range(12), 5):
        recorded = r.decibels(
            r.magnitudes(reading.read_samples(recordings / str(small.anchors.ids[i]), r))
        )
        decoded = decoder.whole(small.anchors.latents[i : i + 1])[0]
        details.append(heard.detail(recorded, heard.again(resynthesise(decoded, r), r), r))
        errors.append(similarity.mae_db(recorded, r.spectrum(decoded)))
    wanted, row = heard.means(details), by_name(made.heard)["anchors"]
    assert (row.grain, row.fine_db, row.tonal) == (wanted.grain, wanted.fine_db, wanted.tonal)
    assert row.mae_db == pytest.approx(np.mean(errors))
    assert by_name(made.heard)["recordings"].fine_db == wanted.recorded_fine_db


def test_between_anchors_grain_is_compared_with_the_recordings_of_both(made: Evaluation) -> None:
    row, recorded = by_name(made.heard)["between anchors"], by_name(made.heard)["recordings"]
    assert row.sounds == 5 and math.isnan(row.mae_db) and math.isnan(row.visqol)
    assert row.grain == pytest.approx(row.fine_db / recorded.fine_db, rel=0.5)
    assert row.fine_db > 0 and row.contrast_db > 0


def test_visqol_is_measured_at_anchors_where_it_is_asked_for(small: Pack, recordings: Path) -> None:
    rows = by_name(table(small, recordings, sounds=1, no_visqol=""))
    assert 1 <= rows["anchors"].visqol <= similarity.EQUAL
    unheard = table(small, recordings, sounds=1)
    assert unheard.missing == ["Not measured: ViSQOL (not now)."]
    assert math.isnan(by_name(unheard)["anchors"].visqol)


def test_without_recordings_one_line_says_what_is_not_measured_and_the_rest_is(
    clear: Pack, tmp_path: Path
) -> None:
    for folder, why in ((None, "no folder of them was given"), (tmp_path, "the folder holds none")):
        unknown = table(clear, folder)
        (line,) = unknown.missing
        assert line.startswith(f"Not measured without the recordings ({why}): ")
        rows = by_name(unknown)
        assert not {"recordings", "card"} & set(rows) and not unknown.names
        for name in ("anchors", "between anchors"):
            assert math.isnan(rows[name].grain) and math.isnan(rows[name].mae_db)
            assert rows[name].fine_db > 0 and rows[name].contrast_db > 0


def test_anchors_whose_recordings_are_missing_are_left_out_and_counted(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    some = Path(shutil.copytree(recordings, tmp_path / "some"))
    (some / str(small.anchors.ids[0])).unlink()
    result = table(small, some)
    assert result.missing[0] == "Left out: 1 of 12 anchors without a recording."
    assert by_name(result)["anchors"].of == 11
    assert str(small.anchors.names[0]) not in result.names


def test_nothing_that_was_learned_from_is_called_unseen(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(small.path, tmp_path / "small"))
    text = (folder / "sources.csv").read_text()
    for side in ("validation", "test"):
        text = text.replace(f",{side},", ",train,")
    (folder / "sources.csv").write_text(text)
    loaded = packs.load(folder)
    rows = by_name(table(loaded, recordings))
    assert [name for name in rows if "learned" in name or "card" in name] == []
    quality = {**loaded.training["quality"], "anchors": {"sounds": 12, "mae_db": 1.0}}
    fitted = replace(loaded, training={**loaded.training, "quality": quality})
    (row,) = [r for r in table(fitted, recordings).rows if r.name.startswith("unseen, before")]
    assert row.name == "unseen, before the last fit (card)"
    assert row.mae_db == quality["test"]["mae_db"] and row.grain == quality["test"]["grain"]


def test_the_report_the_page_and_the_json_have_the_table(made: Evaluation) -> None:
    text = markdown_report.markdown(made).split("## Table 3: how it sounds")[1]
    row = by_name(made.heard)["anchors"]
    assert f"| anchors (5 of 12) | {row.grain:.2f} | {row.fine_db:.2f} |" in text
    assert "nan" not in text and "Not measured: ViSQOL (magnitudes only)." in text
    place = made.heard.held[0].places[0]
    assert f"| at anchors | 1 | {place.swing:.1f} ({place.swing:.1f}) |" in text
    page = html_report.page(made)
    assert ">anchors (5 of 12)</td>" in page
    assert 'alt="spectrograms of recordings above what is heard of them"' in page
    tree = json.loads(sounds_report.json_text(made))
    assert [each["name"] for each in tree["rows"]] == [each.name for each in made.heard.rows]
    assert tree["rows"][1]["grain"] == pytest.approx(row.grain, rel=1e-5)
    assert tree["rows"][1]["visqol"] is None
    assert tree["held"][0]["places"][0]["swing"] == pytest.approx(place.swing, rel=1e-5)


def test_the_table_is_of_the_default_expander_where_it_was_compared(made: Evaluation) -> None:
    assert (made.heard.plane, made.heard.expander) == ("map", "dwell")
    alone = made._replace(rows=made.rows[:1])
    assert "`map` with `nearest`" in markdown_report.markdown(alone)


def test_eight_sounds_are_pictured_with_their_names(small: Pack, made: Evaluation) -> None:
    shown = made.heard
    assert len(shown.names) == len(shown.recorded) == len(shown.heard) == 8
    assert set(shown.names) <= {str(name) for name in small.anchors.names}
    r = small.representation
    assert {frames.shape for frames in [*shown.recorded, *shown.heard]} == {(r.frames, r.bins)}


def test_nearest_only_repeats_mean_is_dead_and_dwell_is_neither(clear: Pack) -> None:
    plane = Planes(clear).get("map", (0, 1))
    repeats, dead = zip(
        *(
            unchanging(fit(name, plane), plane, clear.anchors.latents)
            for name in ("nearest", "mean", "dwell", "multilateration")
        ),
        strict=True,
    )
    assert repeats[0] == 1 and repeats[1] == repeats[3] == 0 and 0.005 < repeats[2] < 0.1
    assert dead[1] == 1 and dead[3] == 0 and 0.5 < dead[0] < 1
    assert dead[2] < repeats[2]


def test_a_held_tone_is_even_and_a_sound_that_dies_away_is_not(clear: Pack, tmp_path: Path) -> None:
    tone = tone_pack(tmp_path / "tone", 1000, R)
    settings = commands("map", None, "dwell", {"guard": True, "focus": 8})
    middle = np.full((1, 2), 0.5)
    ((steady, _),) = held(tone, settings, middle)
    first, second = held(clear, settings, np.repeat(middle, 2, axis=0))
    assert steady < 4 and first.swing > 15 and first.period > 0.9
    assert second == pytest.approx(first, abs=0.1)  # each place is heard alone
