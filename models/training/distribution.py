"""The team of a training: what TF_CONFIG names, or the devices of this machine."""

from __future__ import annotations

import json
import os

from latentpad.models.training.team import DistributionError, Team

__all__ = ["DistributionError", "Team", "team"]


def team() -> Team:
    """The team that TF_CONFIG makes this process a worker of, or the devices of this machine.

    TF_CONFIG is TensorFlow's: {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type":
    "worker", "index": 0}}, the same on all machines except for the index; worker 0 is the chief.
    Call it before any other use of TensorFlow. Raises DistributionError.
    """
    import tensorflow as tf

    config = _config()
    if config is None:
        return Team(tf.distribute.MirroredStrategy())
    kind, index, workers = config
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise DistributionError(f"TF_CONFIG: {' '.join(str(error).split())[:200]}") from None
    first = kind == "chief" or (index == 0 and "chief" not in workers)
    return Team(strategy, index, first)


def _config() -> tuple[str, int, list[str]] | None:
    """The type and index of this process, and the types of all workers, from TF_CONFIG."""
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = str(task["type"]), int(task["index"])
        hosts = cluster[kind]
        good = kind in ("chief", "worker") and 0 <= index < len(hosts)
    except (ValueError, KeyError, TypeError) as error:
        raise DistributionError(f"TF_CONFIG: is not as it should be ({error!r}): {FORM}") from None
    if not good:
        raise DistributionError(f"TF_CONFIG: has no {kind} {index}: {FORM}")
    return kind, index, list(cluster)


FORM = (
    '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}} '
    "is the form, the index another on each machine"
)
