"""Whatever a user's other work has set Keras to, Latentpad runs on TensorFlow in float32."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from tests.playing import ROOT, free_port

pytestmark = pytest.mark.early

OTHER = json.dumps({"backend": "jax", "floatx": "float64", "image_data_format": "channels_first"})
BROKEN = {
    "another backend": OTHER,
    "no JSON": "{",
    "a floatx that there is not": '{"floatx": "float8"}',
    "an epsilon that is none": '{"epsilon": 1}',
    "a list": "[]",
}
TENSORFLOW_FIRST = "latentpad.engine.decode.keras_decoder"
FIRST = (  # as a worker does
    "latentpad.models",
    TENSORFLOW_FIRST,
    "latentpad.evaluation.scoring",
    "latentpad.models.libraries.encode",
    "latentpad.models.vae",
)
ASKED = (
    "from keras import config as c\n"
    "print(c.backend(), c.floatx(), c.image_data_format(), c.epsilon())"
)
# Keras reads its settings at its first import. This program has it do so, and then ends: to import
# Keras' other modules and TensorFlow takes seconds.
SETTINGS_ALONE = """
import importlib.util, os, sys, types
from pathlib import Path

class AtFirst:
    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        folder = Path(importlib.util.find_spec("keras").origin).parent
        for package in "keras", "keras.src", "keras.src.backend", "keras.src.backend.common":
            module = sys.modules[package] = types.ModuleType(package)
            module.__path__ = [str(folder.joinpath(*package.split(".")[1:]))]
        from keras.src.backend import config as c
        print(c.backend(), c.floatx(), c.image_data_format(), c.epsilon(), flush=True)
        os._exit(0)

sys.meta_path.insert(0, AtFirst())
"""
DEFAULTS = ["tensorflow", "float32", "channels_last", "1e-07"]


def environment(home: Path, keras_json: str) -> dict[str, str]:
    (home / ".keras").mkdir()
    (home / ".keras" / "keras.json").write_text(keras_json)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    return {
        **kept,
        "HOME": str(home),
        "KERAS_BACKEND": "torch",
        "PYTHONPATH": str(ROOT),
        # The kernels' cache is found through the home; it is another matter.
        "XDG_CACHE_HOME": str(platformdirs.user_cache_path()),
    }


def program(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("keras_json", "first"), zip(BROKEN.values(), FIRST, strict=True), ids=BROKEN
)
def test_whatever_is_imported_first_keras_has_its_own_defaults(
    tmp_path: Path, keras_json: str, first: str
) -> None:
    # What imports TensorFlow first has Keras imported by it, in its own way.
    alone = "" if first == TENSORFLOW_FIRST else SETTINGS_ALONE
    asked = f"{alone}import {first}, keras\n{ASKED}"
    done = program(environment(tmp_path, keras_json), "-c", asked)
    assert done.stdout.split() == DEFAULTS, done.stderr
    assert (tmp_path / ".keras" / "keras.json").read_text() == keras_json


def test_where_keras_has_no_folder_none_is_made(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env.pop("KERAS_HOME", None)
    done = program(env, "-c", f"import latentpad.models\n{ASKED}")
    assert done.stdout.split() == DEFAULTS, done.stderr
    assert not (tmp_path / ".keras").exists()


def test_it_plays_and_trains_beside_another_backend(tmp_path: Path, recordings: Path) -> None:
    env = environment(tmp_path, OTHER)
    words = ("-m", "latentpad.cli.main", "play", "--null-audio", "--seconds", "0")
    played = program(env, *words, "--osc-port", str(free_port()))
    assert played.returncode == 0 and "ready" in played.stdout, played.stdout + played.stderr
    out, few = tmp_path / "pack", tmp_path / "few"
    few.mkdir()
    for path in sorted(recordings.rglob("*.wav"))[:4]:
        shutil.copy(path, few)
    words = ("-m", "latentpad.cli.main", "train", str(few), "-o", str(out))
    trained = program(env, *words, "--epochs", "1", "--latent", "2")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert (out / "model.toml").is_file()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--backend", "torch"), "is none of tensorflow, jax"),
        (("--backend", "jax", "--distribute"), "distributed by TensorFlow only"),
    ],
)
def test_another_backend_to_train_on_is_asked_for_by_name(
    words: tuple[str, ...], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jax.py").touch()  # as if it were installed
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = program(env, "-m", "latentpad.cli.main", "train", str(tmp_path), "-o", "pack", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
