"""Without an extra a copy trains; what else needs it says so before any work. That it plays:
tests/test_wheel.py."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from latentpad.engine.process import failure_line
from latentpad.models import extras
from latentpad.models.packs import networks
from latentpad.models.packs.pack import Pack, find
from latentpad.models.training import quality
from tests.playing import ROOT

PROGRAM = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from latentpad.cli.main import main
main()
"""


def without(packages: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of a copy that lacks some packages, "distributed,umap"."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, packages, *words],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_training_without_visqol_says_not_measured_on_its_card(
    recordings: Path, tmp_path: Path
) -> None:
    words = ("train", str(recordings), "-o", str(tmp_path / "pack"), "--epochs", "1")
    done = without("visqol", *words, "--latent", "2")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "pack" / "card.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith(("| train", "| test"))]
    assert rows and all(row.count("not measured") == 2 for row in rows)
    assert all("±" in row for row in rows), "the MAE stands"


def test_what_visqol_would_say_is_left_out_of_a_cards_figures(
    small: Pack, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = networks.load_decoder(small)
    sounds = small.representation.spectrum(decoder.predict(small.anchors.latents, verbose=0))
    paths = [recordings / str(name) for name in small.anchors.ids]
    judged = small.representation, small.anchors.latents, sounds, decoder, [0, 1], paths
    whole = quality.reconstruction_errors(*judged)
    monkeypatch.setitem(sys.modules, "visqol", None)
    result = quality.reconstruction_errors(*judged)
    assert {"sounds", "mae_db", "mae_db_sd", "grain", "tonal"} == set(result)
    assert result == {name: whole[name] for name in result}
    assert {"visqol_sd", "visqol_late_sd"} <= set(whole)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("visqol", ("evaluate", "footsteps")),
        ("matplotlib", ("evaluate", "footsteps", "--magnitudes")),
        ("matplotlib", ("train", ".", "-o", "pack")),
        ("tensorboardX", ("train", ".", "-o", "pack")),
        ("umap", ("plane", "{pack}", "umap")),
        ("matplotlib", ("plane", "{pack}", "learned")),
    ],
)
def test_a_command_that_lacks_a_package_names_what_installs_it_and_does_nothing(
    tmp_path: Path, package: str, words: tuple[str, ...]
) -> None:
    copy = shutil.copytree(find("footsteps"), tmp_path / "pack")
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    done = without(package, *(word.format(pack=copy) for word in words))
    assert done.returncode == 1 and not done.stdout, done.stdout
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip().endswith(f"not installed: {extras.command(package)}")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


@pytest.mark.parametrize("page", ["limits", "decoded_hop"])
def test_a_page_of_figures_by_visqol_is_not_begun_without_it(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "visqol", None)
    program = importlib.import_module(f"benchmarks.{page}")
    with pytest.raises(extras.ExtraError, match="ViSQOL"):
        program.main([str(ROOT)])
    assert not capsys.readouterr().out


def test_what_measures_the_instrument_imports_no_extra() -> None:
    """`latentpad measure` and `bench`, and what they import while they run."""
    program = f"import sys; sys.modules.update(dict.fromkeys({[*extras.EXTRAS]}))\n"
    program += "from latentpad.benchmarks import latency, stages, floor, machine"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_checkout_is_told_its_own_command_and_an_installed_copy_pips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert extras.command("visqol") == f"{shlex.quote(str(ROOT / 'setup.sh'))} evaluate"
    monkeypatch.setattr(extras, "SETUP", tmp_path / "a b" / "setup.sh")
    assert extras.command("visqol") == "pip install 'latentpad[evaluate]'"
    extras.SETUP.parent.mkdir()
    extras.SETUP.touch()
    assert extras.command("umap") == f"'{extras.SETUP}' umap"
    assert extras.command("tensorflow") == f"'{extras.SETUP}'", "it chooses between cpu and gpu"


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("pipx_metadata.json", "pipx runpip my-env install 'latentpad[cpu]'"),
        ("uv-receipt.toml", "uv pip install --python {prefix} 'latentpad[cpu]'"),
    ],
)
def test_a_copy_that_a_tool_installed_is_told_the_command_of_that_tool(
    file: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "my-env"
    prefix.mkdir()
    (prefix / file).touch()
    monkeypatch.setattr(extras, "SETUP", tmp_path / "setup.sh")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert extras.command("tensorflow") == command.format(prefix=prefix)


def test_a_folder_that_an_uninstalled_package_left_behind_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_behind" / "include").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not extras.installed("left_behind")


def test_an_import_that_fails_for_an_extra_is_told_as_any_check_tells_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    lacking = ModuleNotFoundError("No module named 'tensorflow.core'", name="tensorflow.core")
    told = extras.missing("tensorflow", "this needs tensorflow")
    assert extras.import_error_line(lacking) == told
    assert failure_line(lacking) == told
    damaged = ModuleNotFoundError("No module named 'umap.parts'", name="umap.parts")
    for other in (damaged, ModuleNotFoundError("no x", name="x"), ImportError("libc", name="umap")):
        assert extras.import_error_line(other) is None, "it is installed, or not of an extra"
