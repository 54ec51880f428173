"""Real processes and real collectives, on one machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import networks, pack
from models.training import distribution
from models.training.distribution import DistributionError

ROOT = Path(__file__).parents[3]

TIMEOUT_S = 240  # for machines with much else to do: it takes a tenth of that

PART = """
import json, os, sys
from pathlib import Path

recordings, out, killed_in, devices, still = json.loads(sys.argv[1])

import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * devices
)

from models.training import coaching, distribution, learning
from models.training.course import Course, Recipe
from models.representation import Representation
from models.training.train import teach, train

coaching.SAVED_EVERY_S = 0.0
coaching.Coach.on_train_batch_begin = lambda self, batch, logs=None: (
    len(self.history.train) == killed_in and os.kill(os.getpid(), 9)
)
recipe = Recipe(width=16)
if still:  # nothing that differs from replica to replica
    learning.keras.random.normal = lambda shape, seed: tf.zeros(shape)
    recipe = Recipe(width=16, augmentation=0.0, free_nats=0.0, decorrelation=0.0)
together = devices > 1 or "TF_CONFIG" in os.environ
team = distribution.team() if together else None
small = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32, range_db=80.0)
course = Course(2, recipe, small, epochs=4, batch=6, seed=3, held_out=0.4)
how = dict(progress=False, team=team)
try:
    if team is None or team.chief:
        made = train(Path(recordings), Path(out), course, card=False, **how)
        from models import networks

        weights = networks.load_decoder(made).get_weights()
    else:
        weights = teach(Path(recordings), Path(out), course, **how).decoder.get_weights()
except distribution.DistributionError as error:
    sys.exit(str(error))
print(json.dumps([float(np.abs(w).sum()) for w in weights]))
"""


class Part:
    """One process of a training."""

    def __init__(
        self,
        recordings: Path,
        out: Path,
        *,
        config: str = "",
        killed_in: int = -1,
        devices: int = 1,
        still: bool = False,
    ) -> None:
        arguments = json.dumps([str(recordings), str(out), killed_in, devices, still])
        environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
        environment["PYTHONPATH"] = str(ROOT)
        if config:
            environment["TF_CONFIG"] = config
        self._process = subprocess.Popen(
            [sys.executable, "-c", PART, arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(self) -> tuple[int, str, str]:
        """Status, what was printed, and the last line of complaint."""
        try:
            said, complained = self._process.communicate(timeout=TIMEOUT_S)
        finally:
            self._process.kill()
        return self._process.returncode, said, (complained.strip() or "-").splitlines()[-1]

    def weights(self) -> list[float]:
        status, said, complained = self.end()
        assert status == 0, complained
        sums: list[float] = json.loads(said.splitlines()[-1])
        return sums


def configs(count: int) -> list[str]:
    """TF_CONFIG for each of some workers on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return [
        json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}})
        for index in range(count)
    ]


def test_workers_end_with_one_pack_and_the_weights_of_one_machine_even_if_one_was_lost(
    recordings: Path, tmp_path: Path
) -> None:
    def start(killed_in: int = -1) -> list[Part]:
        return [
            Part(recordings, tmp_path / "two", config=config, killed_in=killed_in if i else -1)
            for i, config in enumerate(configs(2))
        ]

    lost = start(killed_in=2)
    assert lost[1].end()[0] == -signal.SIGKILL
    status, _, complained = lost[0].end()
    assert status == 1
    assert "a worker was lost: start all of them again" in complained
    assert (tmp_path / "two.training" / "state" / "history.json").is_file()
    assert not (tmp_path / "two").exists()

    chief, other = (part.weights() for part in start())
    assert chief == other
    made = pack.load(tmp_path / "two")
    assert made.training["epochs"] == 4
    assert made.training["replicas"] == 2
    assert len(made.anchors) == 12
    assert networks.load_decoder(made).output_shape == (None, 32, 129)
    assert {path.name for path in tmp_path.iterdir()} == {"two", "two.training"}
    machine = Part(recordings, tmp_path / "one", devices=2).weights()
    np.testing.assert_allclose(chief, machine, rtol=1e-5)


def test_two_devices_learn_what_one_does(recordings: Path, tmp_path: Path) -> None:
    for i, path in enumerate(sorted(recordings.rglob("*.wav"))[:10]):
        shutil.copy(path, tmp_path / f"{i}.wav")  # of which 6 are to train on: one batch
    parts = [
        Part(tmp_path, tmp_path / f"on{devices}", devices=devices, still=True) for devices in (1, 2)
    ]
    alone, together = (part.weights() for part in parts)
    np.testing.assert_allclose(together, alone, rtol=1e-4)


@pytest.mark.parametrize(
    "config",
    [
        "nonsense",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_a_wrong_tf_config_is_told_in_a_line(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(DistributionError, match=r"^TF_CONFIG: .*is the form[^\n]*$"):
        distribution.team()
