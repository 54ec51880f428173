"""Real processes and real collectives, on one machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from latentpad.models.audio.texture import BANDS
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Representation
from latentpad.models.training import distribution
from latentpad.models.training.config import Recipe, TrainingConfig
from latentpad.models.training.distribution import DistributionError
from tests.forking import Forked
from tests.models.training.killing import killed_after

pytestmark = pytest.mark.early

SMALL = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32, range_db=80.0)
TIMEOUT_S = 240  # for machines with much else to do: it takes a tenth of that


def part(
    recordings: Path, out: Path, config: str, killed_in: int, devices: int, still: bool
) -> None:
    """One process of a training: prints the sum of each of its decoder's weights, without those of
    the texture, which only the chief learns."""
    import tensorflow as tf

    from latentpad.models.training import callbacks, loss
    from latentpad.models.training.train import train, train_model

    os.environ["TF_CONFIG"] = config
    if not config:
        del os.environ["TF_CONFIG"]
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    callbacks.SAVED_EVERY_S = 0.0
    killed_after(killed_in)
    recipe = Recipe(width=16)
    if still:  # nothing that differs from replica to replica
        loss.keras.random.normal = lambda shape, seed: tf.zeros(shape)
        recipe = Recipe(width=16, augmentation=0.0, free_nats=0.0, decorrelation=0.0)
    team = distribution.team() if devices > 1 or config else None
    course = TrainingConfig(2, recipe, SMALL, epochs=4, batch=6, seed=3, held_out=0.4)
    try:
        if team is None or team.chief:
            made = train(recordings, out, course, card=False, progress=False, team=team)
            decoder = networks.load_decoder(made)
        else:
            decoder = train_model(recordings, out, course, progress=False, team=team).decoder
    except DistributionError as error:
        sys.exit(str(error))
    *weights, kernel, bias = decoder.get_weights()
    weights += [kernel[..., : SMALL.bins], bias[: SMALL.bins]]
    print(json.dumps([float(np.abs(w).sum()) for w in weights]))


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
        self._process = Forked(part, recordings, out, config, killed_in, devices, still)

    def end(self) -> tuple[int, str, str]:
        """Status, what was printed, and the last line of complaint."""
        done = self._process.end(TIMEOUT_S)
        return done.returncode, done.stdout, (done.stderr.strip() or "-").splitlines()[-1]

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
    assert networks.load_decoder(made).output_shape == (None, SMALL.frames, SMALL.bins + BANDS)
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
