from __future__ import annotations

import csv
import html
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentpad.evaluation import comparison, html_report, markdown_report, run, tables
from latentpad.evaluation.paths import EvaluationError
from latentpad.evaluation.run import Evaluation, EvaluationSettings, evaluate
from latentpad.evaluation.scoring import Figures, Reference, judge
from latentpad.models.cluster import Workers, cluster
from latentpad.models.metrics import similarity
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Representation
from tests.forking import latentpad
from tests.playing import fresh

pytestmark = pytest.mark.early

ROOT = str(Path(__file__).parents[2])
SETTINGS = EvaluationSettings(
    pairs=3, draws=1, finer=3, planes=("raw", "map"), expanders=("nearest", "mean", "dwell"),
    heard=2, held=1,
)  # fmt: skip

#: Table 3 has tests of its own.
UNHEARD: dict[str, Any] = {"heard": 1, "held": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def whole(clear: Pack, folder: Path) -> Evaluation:
    return evaluate(clear, folder, SETTINGS)


@pytest.fixture(scope="module")
def shown(whole: Evaluation) -> str:
    """The page."""
    return html_report.page(whole)


def noise(clear: Pack, level: float) -> Floats:
    """A decaying tone's frames, with noise `level` dB below its loudest bin."""
    r = clear.representation
    time = np.arange(r.samples) / r.sample_rate
    tone = 0.3 * np.sin(2 * np.pi * 700 * time) * np.exp(-8 * time)
    hiss = np.random.default_rng(0).normal(size=r.samples) * 10 ** (level / 20)
    return r.decibels(r.magnitudes((tone + 0.3 * hiss).astype(np.float32)))


def test_a_sound_compared_with_itself_has_the_best_figures(clear: Pack) -> None:
    frames = noise(clear, -60)
    (same,) = judge(clear.representation, Reference(b"", frames, None), frames[None])
    assert same.mae_db == 0 and same.log_spectral_db == 0
    assert same.visqol == pytest.approx(similarity.EQUAL, abs=1e-3)
    assert same.odg > 0.1


def test_more_noise_is_never_nearer(clear: Pack) -> None:
    levels = (-60, -45, -30, -15)
    others = np.stack([noise(clear, level) for level in levels])
    result = judge(clear.representation, Reference(b"", noise(clear, -90), None), others)
    for name in ("mae_db", "convergence_db", "log_spectral_db"):
        values = [getattr(figures, name) for figures in result]
        assert values == sorted(values), name
    assert result[0].visqol > result[-1].visqol and result[0].odg > result[-1].odg


def test_silence_is_nothing_like_a_sound_and_just_like_silence(clear: Pack) -> None:
    r = clear.representation
    silence = np.full((r.frames, r.bins), -r.range_db, np.float32)
    (far,) = judge(
        r, Reference(b"", noise(clear, -60), np.ones(r.samples, np.float32)), silence[None]
    )
    assert far.visqol == similarity.WORST and np.isfinite(far).all()
    (same,) = judge(r, Reference(b"", silence, np.zeros(r.samples, np.float32)), silence[None])
    assert same.visqol == similarity.EQUAL and same.mae_db == 0


def test_an_expander_that_is_exact_is_so_at_both_ends(whole: Evaluation) -> None:
    for row in whole.rows:
        ends = row.figures[:, [0, -1]]
        if row.expander in ("nearest", "dwell"):
            assert ends[..., tables.COLUMN["mae_db"]].max() == 0
            assert ends[..., tables.COLUMN["visqol"]].min() > 4.73
            assert row.moving.reach == 1
        else:
            assert ends[..., tables.COLUMN["mae_db"]].mean() > 0.1
            assert row.moving.reach < 0.5


def test_nearest_leaps_where_dwell_glides(whole: Evaluation) -> None:
    of = {(row.plane, row.expander): row.moving for row in whole.rows}
    for plane in ("raw", "map"):
        assert of[plane, "dwell"].leaps.max() < of[plane, "nearest"].leaps.max()
    assert of["map", "nearest"].astray.max() < 1e-5
    # On a map a pad's steps are finer than its sounds are apart; where the finger is a latent
    # itself, a step beside it is another sound.
    assert of["map", "nearest"].coarse > 0.9 and of["raw", "nearest"].coarse < 0.1


def test_table_1_is_worse_the_farther_a_neighbour_is(whole: Evaluation) -> None:
    errors = [f[..., tables.COLUMN["mae_db"]].mean() for f in whole.neighbourhoods.values()]
    assert errors[0] < 0.01 and errors == sorted(errors)


def test_table_1_against_recordings_is_the_model_s_own_error_where_there_is_no_noise(
    small: Pack, recordings: Path, tmp_path: Path
) -> None:
    settings = EvaluationSettings(
        pairs=1, draws=1, finer=1, **UNHEARD, expanders=("mean",), perceptual=False
    )
    made = evaluate(small, tmp_path, settings, recordings=recordings)
    unseen = [small.training["quality"][side] for side in ("validation", "test")]
    wanted = np.average([q["mae_db"] for q in unseen], weights=[q["sounds"] for q in unseen])
    assert made.neighbourhoods[np.inf][..., 0].mean() == pytest.approx(wanted, abs=0.1)
    assert "against the recordings" in markdown_report.markdown(made)


def test_nothing_is_compared_twice(
    clear: Pack, folder: Path, whole: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> list[Figures]:
        raise AssertionError("compared again")

    monkeypatch.setattr(comparison, "judge", refuse)
    again = evaluate(clear, folder, SETTINGS)
    for row, other in zip(whole.rows, again.rows, strict=True):
        np.testing.assert_array_equal(row.figures, other.figures)


def roughly(r: Representation, reference: Reference, others: Floats) -> list[Figures]:
    """A judge that is done soon: of the magnitudes alone."""
    maes = [similarity.mae_db(reference.frames, other) for other in others]
    return [Figures(mae, mae, mae, 5 - mae / 100, -mae / 100, 1.0) for mae in maes]


def test_what_was_compared_before_a_kill_is_not_compared_again(
    clear: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EvaluationSettings(
        pairs=2, draws=1, finer=1, **UNHEARD, planes=("map",), expanders=("mean",), seed=3
    )
    put, count = run.FigureCache.put, 0

    def dying(cache: run.FigureCache, rows: list[tuple[bytes, Figures]]) -> None:
        nonlocal count
        count += len(rows)
        if count > 20:
            raise KeyboardInterrupt
        put(cache, rows)

    # What is kept does not depend on who judges.
    monkeypatch.setattr(run, "cores", lambda count: nullcontext((ThreadPoolExecutor(1), 2)))
    monkeypatch.setattr(run, "rehearse", lambda representation: None)
    monkeypatch.setattr(comparison, "judge", roughly)
    with monkeypatch.context() as patched:
        patched.setattr(run.FigureCache, "put", dying)
        with pytest.raises(KeyboardInterrupt):
            evaluate(clear, tmp_path / "cut", settings)
    begun: dict[str, list[float]] = {}

    def tell(what: str, done: float, of: float) -> None:
        begun.setdefault(what, []).append(done)

    evaluate(clear, tmp_path / "cut", settings, progress=tell)
    assert begun["table 1, SNR inf"][0] > 0
    again = evaluate(clear, tmp_path / "cut", settings).rows[0].figures
    np.testing.assert_array_equal(
        again, evaluate(clear, tmp_path / "whole", settings).rows[0].figures
    )


def test_a_dask_cluster_finds_the_figures_of_the_cores_bit_for_bit(
    clear: Pack, whole: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    def refuse(count: int) -> AbstractContextManager[Workers]:
        raise AssertionError("judged here")

    monkeypatch.setattr(run, "cores", refuse)
    # Spawned workers find the project as an installed one would be found.
    monkeypatch.setenv("PYTHONPATH", ROOT)
    settings = replace(SETTINGS, planes=("map",), expanders=("mean",))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None,
        worker_dashboard_address=None, local_directory=str(tmp_path),
    ) as cluster:  # fmt: skip
        made = evaluate(clear, tmp_path / "out", settings, dask=cluster.scheduler_address)
    for snr, figures in made.neighbourhoods.items():
        np.testing.assert_array_equal(figures, whole.neighbourhoods[snr])
    of = {(row.plane, row.expander): row.figures for row in whole.rows}
    np.testing.assert_array_equal(made.rows[0].figures, of["map", "mean"])


def test_a_cluster_that_is_not_there_gives_one_line(clear: Pack, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"^nowhere://1: no Dask scheduler there") as caught:
        evaluate(clear, tmp_path / "out", SETTINGS, dask="nowhere://1")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_cluster_without_distributed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(EvaluationError, match=r"not installed: .* cluster$"),
        cluster("tcp://127.0.0.1:1", "judging", EvaluationError),
    ):
        pass


def test_a_worker_that_judges_otherwise_is_refused() -> None:
    with pytest.raises(EvaluationError, match="another version of Latentpad"):
        comparison._single_threaded(comparison.VERSION - 1, len, "")


def test_a_worse_row_is_told_from_one_that_is_no_worse(whole: Evaluation) -> None:
    of = {(row.plane, row.expander): row for row in whole.rows}
    nearest = of["map", "nearest"]
    # As of more pairs: with three no order of them is unlikely enough.
    nearest = replace(nearest, figures=np.repeat(nearest.figures, 2, axis=0))
    assert all(verdict.no_worse for verdict in tables.no_worse(nearest, nearest))
    worse = tables.ExpanderRow(**{**vars(nearest), "figures": nearest.figures + 1})
    result = {v.figure: v.no_worse for v in tables.no_worse(worse, nearest)}
    assert result == {"mae_db": False, "odg": True, "visqol": True}


def test_the_report_has_every_figure_and_the_paper_s_beside(whole: Evaluation) -> None:
    text = markdown_report.markdown(whole)
    for part in (
        "Table 1",
        "Table 2",
        "### raw",
        "### map",
        "4.3 ± 0.1",
        "7.4 · 6.8",
    ):
        assert part in text
    assert "nan" not in text
    rows = list(csv.DictReader(io.StringIO(markdown_report.table(whole))))
    assert len(rows) == 2 * 3 * SETTINGS.pairs * 5
    assert all(np.isfinite(float(row["visqol"])) for row in rows)


def test_planes_are_compared_by_every_expander_where_there_are_several(whole: Evaluation) -> None:
    reported = markdown_report.markdown(whole).split("### Across the planes")[1].split("###")[0]
    tables_of = [part.splitlines() for part in reported.strip().split("\n\n")]
    assert [len(lines) for lines in tables_of] == [2 + 3] * len(markdown_report.ACROSS)
    assert all(lines[0].endswith("| raw | map |") for lines in tables_of)
    ends, between, steps, reached, _ = (lines[2] for lines in tables_of)
    nearest = next(row for row in whole.rows if (row.plane, row.expander) == ("map", "nearest"))
    maes = nearest.figures[..., tables.COLUMN["mae_db"]].mean(axis=0)
    assert ends == "| nearest | 0.00 | 0.00 |"
    assert between.endswith(f"| {maes[1:-1].mean():.2f} |")
    assert steps.endswith(f"| {np.median(nearest.moving.steps_db):.2f} |")
    assert reached.endswith(f"| 100, {100 * nearest.moving.coarse:.0f} % |")
    alone = whole._replace(rows=[row for row in whole.rows if row.plane == "raw"])
    assert "Across the planes" not in markdown_report.markdown(alone)


def test_the_report_tells_where_peaq_was_valid(whole: Evaluation) -> None:
    figures = whole.rows[0].figures.copy()
    figures[..., tables.COLUMN["peaq_valid"]] = np.arange(15).reshape(3, 5) % 5 > 0
    row = replace(whole.rows[0], figures=figures)
    reported = markdown_report.markdown(whole._replace(rows=[row]))
    assert "| expander | PEAQ valid |" in reported and "| nearest | 80.0 % |" in reported
    assert "PEAQ is valid where" in reported
    figures[..., tables.COLUMN["visqol"] :] = np.nan
    unheard = whole._replace(rows=[row], settings=replace(SETTINGS, perceptual=False))
    assert "PEAQ valid" not in markdown_report.markdown(unheard)
    assert "PEAQ is valid" not in markdown_report.markdown(unheard)


def test_the_page_needs_nothing_beside_it(shown: str) -> None:
    assert shown.count("<audio") == 2 * 3 * 5
    assert not re.findall(r'(?:src|href)="(?!data:)', shown)


class Tables(HTMLParser):
    """The tables of a page: class, heads, and each body row's cells as (head, text)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, list[str], list[list[tuple[str | None, str]]]]] = []
        self._cell: str | None = None
        self._head: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append((dict(attrs).get("class"), [], []))
        elif tag == "tr":
            self.found[-1][2].append([])
        elif tag in ("td", "th"):
            self._cell, self._head = "", dict(attrs).get("data-head")

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "th":
            self.found[-1][1].append(self._cell or "")
        elif tag == "td":
            self.found[-1][2][-1].append((self._head, self._cell or ""))
        if tag in ("td", "th"):
            self._cell = None


def test_the_page_fits_a_phone(shown: str) -> None:
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in shown
    assert "overflow-x" not in shown and "nowrap" not in shown
    result = Tables(shown).found
    assert len(result) > 12
    wide = 0
    for kind, heads, rows in result:
        # What has more columns than a phone is wide is a card there, and says its heads.
        if len(heads) > html_report.MOST or kind == "wide":
            assert kind == "wide"
            wide += 1
            assert all([head for head, _ in row[1:]] == heads[1:] for row in rows if row)
    assert wide == 2 + 2  # on each plane what is beside table 2, and what to listen to


def test_every_figure_of_table_2_has_a_column_for_each_stop(whole: Evaluation, shown: str) -> None:
    result = Tables(shown).found
    stops = [f"q\u00a0=\u00a0{q}" for q in range(5)]
    rows = {
        heads[0]: body[1:] for kind, heads, body in result if heads[1:] == stops and kind is None
    }
    assert list(rows) == [
        "MAE dB", "PEAQ", "ViSQOL", "MAE dB to the farther sound",
        "MAE dB to the line in all dimensions",
    ]  # fmt: skip
    for row, cells in zip(whole.rows[3:], rows["MAE dB"], strict=True):
        wanted = row.figures[..., tables.COLUMN["mae_db"]].mean(axis=0)
        assert cells[0][1] == row.expander
        reported = [float(cell.split("\u00a0")[0].split()[0]) for _, cell in cells[1:]]
        np.testing.assert_allclose(reported, wanted, atol=0.006)


def test_a_title_from_elsewhere_is_text_and_fetches_nothing(whole: Evaluation) -> None:
    title = "A <img src='http://x.y/z'> ![b](http://x.y/c.png) *d* `e` & | <script>"
    named = whole._replace(pack=replace(whole.pack, title=title))
    text = html_report.page(named)
    assert not re.findall(r'(?:src|href)=["\'](?!data:)', text.replace("src='http://x.y/z'", ""))
    head = re.search("<h1>(.*?)</h1>", text)
    assert head is not None and html.unescape(head[1]) == f"{title}: the expanders compared"


def test_spectrograms_of_the_page_tell_rows_and_units(whole: Evaluation) -> None:
    rows = {name: shown for (plane, name), shown in whole.shown.items() if plane == "map"}
    *pictures, scale = html_report._spectrograms(whole, rows).axes
    assert pictures[0].get_ylabel() == "nearest\nkHz" and pictures[-1].get_xlabel() == "s"
    assert scale.get_ylabel().startswith("dB")


def test_recordings_that_are_not_there_are_named(clear: Pack, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no such file: give the folder the pack learned"):
        evaluate(clear, tmp_path / "out", SETTINGS, recordings=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--plane", "moon"), "plane 'moon': this pack has"),
        (("--expander", "kriging"), "--expander 'kriging' is none of nearest"),
        (("--metric", "manhattan"), "--metric 'manhattan' is none of"),
        (("--dask", "nowhere://1"), "nowhere://1: no Dask scheduler there"),
        (("--dask", "tcp://127.0.0.1:1", "--magnitudes"), "--dask: --magnitudes leaves nothing"),
    ],
)
def test_what_is_not_known_is_refused_in_a_line(
    clear: Pack, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    done = latentpad("evaluate", str(clear.path), "-o", str(tmp_path / "out"), *options)
    assert done.returncode == 1 and complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_page_a_report_and_a_table(clear: Pack, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = latentpad(
        "evaluate", str(clear.path), "-o", str(out), "--quick", "--pairs", "3", "--magnitudes",
        "--plane", "map", "--expander", "dwell",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = {"report.md", "report.html", "pairs.csv", "sounds.json"}
    assert {file.name for file in out.iterdir()} == names
    assert "magnitudes only" in (out / "report.md").read_text()


LOGGED = """
from latentpad.models import progress
progress.FIRST_S, progress.EVERY_S = 0.0, 0.02
from latentpad.cli.main import main
main()
"""


def test_a_log_hears_of_an_evaluation_while_it_runs(clear: Pack, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    words = (
        "evaluate", str(clear.path), "-o", str(tmp_path / "out"), "--quick", "--pairs", "9",
        "--magnitudes", "--plane", "map", "--expander", "dwell",
    )  # fmt: skip
    with log.open("w") as file:
        command = [sys.executable, "-c", LOGGED, *words]
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
    assert (done.returncode, done.stderr) == (0, "")
    lines = log.read_text().splitlines()
    for what in ("starting up: ", "steps, map, dwell: "):
        assert any(line.startswith(what) for line in lines), lines
    assert lines[-1].startswith(f"{tmp_path}/out: report.html")


def few_sounds(pack: Pack, folder: Path, count: int = 5) -> Path:
    """A copy of the pack with its first sounds only."""
    shutil.copytree(pack.path, folder)
    for name in ("anchors.npz", "planes.npz"):
        with np.load(folder / name) as arrays:
            first = {key: arrays[key][:count] for key in arrays}
        np.savez(folder / name, **first)
    rows = (folder / "sources.csv").read_text().splitlines()
    (folder / "sources.csv").write_text("\n".join(rows[: 1 + count]))
    return folder


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        ("dwell.*", ("evaluate", "{pack}", "-o", "{tmp}/out", "--quick", "--pairs", "2",
                     "--magnitudes", "--plane", "map", "--expander", "dwell")),
        ("slopes.*", ("plane", "{pack}", "learned")),
    ],
    ids=["evaluate", "plane"],
)  # fmt: skip
def test_that_kernels_are_compiled_is_told(
    clear: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels: str,
    words: tuple[str, ...],
) -> None:  # fmt: skip
    folder = few_sounds(clear, tmp_path / "clear")  # the kernels are the same
    kept = shutil.copytree(os.environ["NUMBA_CACHE_DIR"], tmp_path / "kept")
    for file in kept.rglob(kernels):
        file.unlink()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    command = [word.format(pack=folder, tmp=tmp_path) for word in words]
    first, second = (fresh(*command, timeout=300) for _ in "ab")
    assert f"{words[0]} compiles its kernels" in first.stdout, first.stderr
    assert second.returncode == 0 and "its kernels" not in second.stdout


def test_of_a_pack_with_few_sounds_held_out_all_are_compared(clear: Pack, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clear.path, tmp_path / "clear"))
    text = (folder / "sources.csv").read_text()
    (folder / "sources.csv").write_text(text.replace("validation", "train"))
    settings = EvaluationSettings(
        pairs=2, draws=1, finer=1, **UNHEARD, expanders=("mean",), perceptual=False
    )
    made = evaluate(packs.load(folder), tmp_path / "out", settings)
    assert made.sounds == 30 and "2 pairs of all 30 sounds," in markdown_report.markdown(made)


def test_a_quick_evaluation_looks_at_the_pack_s_own_plane(clear: Pack, tmp_path: Path) -> None:
    few: dict[str, Any] = {
        **UNHEARD, "pairs": 2, "finer": 1, "expanders": ("mean",), "perceptual": False,
    }  # fmt: skip
    quick = evaluate(clear, tmp_path, EvaluationSettings.quick(**few))
    assert [row.plane for row in quick.rows] == [clear.default_plane]
    named = evaluate(clear, tmp_path, EvaluationSettings.quick(**few, planes=("raw",)))
    assert [row.plane for row in named.rows] == ["raw"]
    assert len(evaluate(clear, tmp_path, EvaluationSettings(**few)).rows) > 2


def test_a_terminal_shows_what_is_being_compared(clear: Pack, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.append(data)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    words = [
        "evaluate", str(clear.path), "-o", str(tmp_path / "out"), "--pairs", "2", "--quick",
        "--magnitudes", "--plane", "map", "--expander", "dwell",
    ]  # fmt: skip
    command = [sys.executable, "-m", "latentpad.cli.main", *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, timeout=120)
    os.close(theirs)
    reader.join()
    os.close(ours)
    reported = b"".join(seen).decode()
    assert done.returncode == 0 and "table 2, map, dwell" in reported
    assert "tensorflow" not in reported.lower()
