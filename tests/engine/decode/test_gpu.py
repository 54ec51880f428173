"""A GPU is looked for in NVIDIA's driver, here one that is compiled for the test."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentpad.engine.decode import gpu
from tests.playing import ROOT

DRIVER = """
int cuInit(unsigned flags) {{ return flags == 0 ? {init} : 1; }}
int cuDeviceGetCount(int *count) {{ *count = {count}; return {status}; }}
"""


def driver(folder: Path, *, init: int = 0, count: int = 1, status: int = 0) -> str:
    """A driver's library with this number of devices, or with these error codes."""
    source, library = folder / "cuda.c", folder / "libcuda.so.1"
    source.write_text(DRIVER.format(init=init, count=count, status=status))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, True), ("", False), ("-1", False), ("-1,0", False), ("0", True), ("1,0", True)],
)
def test_a_device_is_found_unless_the_environment_hides_it(
    visible: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "CUDA", driver(tmp_path))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.may_have_gpu() is expected


@pytest.mark.parametrize("answers", [{"count": 0}, {"init": 100}, {"count": 7, "status": 3}])
def test_a_driver_without_a_device_or_with_an_error_has_none(
    answers: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "CUDA", driver(tmp_path, **answers))
    assert not gpu.may_have_gpu()


def test_no_driver_and_what_is_no_driver_are_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "libcuda.so.1"
    broken.write_bytes(b"\x7fELF but no library")
    for name in (str(tmp_path / "nothing.so"), str(broken), "libc.so.6"):
        monkeypatch.setattr(gpu, "CUDA", name)
        assert not gpu.may_have_gpu()


def test_a_gpu_is_none_without_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "CUDA", driver(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert not gpu.may_have_gpu()


def test_on_macos_the_plugin_for_metal_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not gpu.may_have_gpu()
    asked: list[str] = []
    monkeypatch.setattr(importlib.metadata, "distribution", asked.append)
    assert gpu.may_have_gpu() and asked == ["tensorflow-metal"]


def test_nothing_heavy_is_imported_to_look_for_one() -> None:
    program = (
        "import sys; from latentpad.engine.decode.gpu import may_have_gpu; may_have_gpu()\n"
        "print(sorted({'keras', 'numpy', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
