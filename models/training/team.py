"""A training on several devices or machines at once, by TensorFlow's own distribution.

Every replica has the same weights, sees its share of each batch, and takes the mean of all their
gradients. Keras' `fit` does not do it: under MultiWorkerMirroredStrategy its symbolic build and its
reduction of logs fail (Keras 3.15), and its workers would not agree on when to stop. So this module
has its own loop; recipe, batches and callback are those of any training.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from latentpad.models.errors import LatentpadError
from latentpad.models.training.batches import Batches
from latentpad.models.training.callbacks import TrainingCallback
from latentpad.models.training.loss import TrainingModel

STATE = ("learner.weights.h5", "best.npz", "history.json")  # what models.training.callbacks saves
CHUNK = 1 << 21  # numbers sent at once: 16 MB


class DistributionError(LatentpadError):
    """Processes that cannot train together: one line with the reason."""


class Team:
    """The replicas of one training, in this process and in all others.

    Make it before any other use of TensorFlow. The methods exchange data by all-reduce, so every
    process must call them in the same order. Only the chief writes files. For the main thread.
    """

    def __init__(self, strategy: Any, task: int = 0, chief: bool = True) -> None:
        self.strategy = strategy
        self.task, self.chief = task, chief

    @property
    def members(self) -> int:
        """Replicas of all processes together."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def suffix(self) -> str:
        """Keeps this process' files apart from the chief's, which may be in the same folder."""
        return "" if self.chief else f"-worker{self.task}"

    def clock(self) -> float:
        """The chief's monotonic clock in s, the same in all processes."""
        return float(self.from_chief(np.array([time.monotonic()])).item())

    def from_chief(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chief's (n,) numbers, in all processes; the others pass an array of the same
        length."""
        return self._summed(values if self.chief else np.zeros_like(values))

    def agree(self, what: str) -> None:
        """Raise DistributionError in all processes if `what` differs from the chief's in one."""
        mine = np.frombuffer(what.encode(), np.uint8).astype(np.float64)
        others = self._summed(np.array([float(not np.array_equal(self.from_chief(mine), mine))]))
        if others.item():
            raise DistributionError(
                f"{others.item():g} workers have other sounds or arguments than the chief: "
                "give all the same folder, seed and options"
            )

    def gather(self) -> None:
        """Wait for all others. Without it, a process that ends would count as lost."""
        self._summed(np.zeros(1))

    def share_state(self, work: Path) -> None:
        """Copy the chief's saved state to the folders of all, so that all resume from the same."""
        files = [b""] * len(STATE)
        if self.chief:
            states = [work / name for name in ("state", "state.old")]
            state = next((s for s in states if (s / "history.json").is_file()), None)
            if state is not None:
                files = [(state / name).read_bytes() for name in STATE]
        files = [self._bytes_from_chief(data) for data in files]
        if self.chief:
            return
        for name in ("state", "state.old"):
            shutil.rmtree(work / name, ignore_errors=True)
        if any(files):
            (work / "state").mkdir(parents=True)
            for name, data in zip(STATE, files, strict=True):
                (work / "state" / name).write_bytes(data)

    def noise_seed(self) -> Any:
        """A noise seed that differs between replicas; set it before each step."""
        return _NoiseSeed()

    def fit(
        self,
        training_model: TrainingModel,
        varied: Batches,
        plain: Batches,
        callback: TrainingCallback,
        first_epoch: int,
        epochs: int,
    ) -> None:
        """Train from `first_epoch` to `epochs` on all replicas, as Keras' `fit` does on one device.

        A term over a batch (the dependence of latents, the free nats) is computed over a replica's
        share. It is near to, but not equal to, that of one large batch. Raises DistributionError if
        a worker was lost.
        """
        step, judge = self._steps(training_model)
        callback.set_model(training_model)
        training_model.stop_training = False
        with _worker_loss_reported(), ThreadPoolExecutor(1) as thread:
            batches = _prefetched(thread, lambda index: self._shares(varied, index))
            for epoch in range(first_epoch, epochs):
                callback.on_epoch_begin(epoch)
                scores = []
                for index in range(len(varied)):
                    callback.on_train_batch_begin(index)
                    callback.seed_noise(epoch, index, self.members)
                    flags = [np.float32(callback.stop_requested)] * len(self._replicas)
                    value, stopped = step(
                        self._per_replica(next(batches)), self._per_replica(flags)
                    )
                    scores.append(self._value(value))
                    if self._value(stopped):  # Ctrl-C in one process is one in all
                        callback.end()
                        return
                val_scores = [
                    judge(self._per_replica(self._shares(plain, index)))
                    for index in range(len(plain))
                ]
                score = np.mean(scores)
                val_score = np.mean([self._value(value) for value in val_scores])
                callback.on_epoch_end(epoch, {"score": float(score), "val_score": float(val_score)})
                if training_model.stop_training:
                    return

    def _steps(
        self, training_model: TrainingModel
    ) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        def train_step(sounds: Any, flag: Any) -> Any:
            with tf.GradientTape() as tape:
                loss, score = training_model.loss_and_score(
                    sounds, training_model(sounds, training=True)
                )
                # The optimizer adds up the gradients of the replicas.
                share = loss / self.members
            weights = training_model.trainable_variables
            training_model.optimizer.apply_gradients(
                zip(tape.gradient(share, weights), weights, strict=True)
            )
            return self._mean([score, flag])

        def evaluate(sounds: Any) -> Any:
            return self._mean(
                [training_model.loss_and_score(sounds, training_model(sounds, training=False))[1]]
            )[0]

        def distributed(what: Callable[..., Any]) -> Callable[..., Any]:
            return tf.function(
                lambda *given: self.strategy.run(what, args=given), reduce_retracing=True
            )

        return distributed(train_step), distributed(evaluate)

    def _mean(self, values: list[Any]) -> list[Any]:
        """The mean over all replicas, computed within each.

        Outside of a replica, a process with a single one would return its own value.
        """
        import tensorflow as tf

        # A value that was only passed in is on no device yet.
        values_here = [tf.identity(value) for value in values]
        context = tf.distribute.get_replica_context()
        return [context.all_reduce(tf.distribute.ReduceOp.MEAN, value) for value in values_here]

    def _value(self, value: Any) -> float:
        """The value of a replica as a float; it is the same in all."""
        return float(self.strategy.experimental_local_results(value)[0])

    @cached_property
    def _replicas(self) -> list[int]:
        """The numbers of the replicas in this process."""
        numbers: list[int] = []

        def note(context: Any) -> Any:
            numbers.append(int(context.replica_id_in_sync_group))
            return 0.0

        self.strategy.experimental_distribute_values_from_function(note)
        return numbers

    def _shares(self, batches: Batches, index: int) -> list[NDArray[np.float32]]:
        return [batches.part(index, member, self.members) for member in self._replicas]

    def _per_replica(self, values: Sequence[Any]) -> Any:
        """One value for each replica of this process, as `strategy.run` takes them."""
        import tensorflow as tf

        rest = iter(values)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(next(rest))
        )

    def _summed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The element-wise sum over the processes."""
        with _worker_loss_reported():
            rest = [np.zeros_like(values)] * (len(self._replicas) - 1)
            summed = self._add(self._per_replica([values, *rest]))
            return np.asarray(self.strategy.experimental_local_results(summed)[0])

    @cached_property
    def _add(self) -> Callable[[Any], Any]:
        import tensorflow as tf

        def add(value: Any) -> Any:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))

        return tf.function(
            lambda value: self.strategy.run(add, args=(value,)), reduce_retracing=True
        )

    def _bytes_from_chief(self, data: bytes) -> bytes:
        """The chief's bytes, in all processes."""
        length = int(self.from_chief(np.array([float(len(data))])).item())
        numbers = np.zeros(length)
        if self.chief:
            numbers[:] = np.frombuffer(data, np.uint8)
        parts = [self.from_chief(numbers[i : i + CHUNK]) for i in range(0, length, CHUNK)]
        return np.concatenate([np.zeros(0), *parts]).astype(np.uint8).tobytes()


def _prefetched(thread: Executor, make: Callable[[int], Any]) -> Iterator[Any]:
    """`make` of 0, 1, 2, ...: the next is made while one is used."""
    future = thread.submit(make, 0)
    for index in count(1):
        batch, future = future.result(), thread.submit(make, index)
        yield batch


class _NoiseSeed(keras.random.SeedGenerator):
    """A seed that the loop sets before each step, the same on all replicas; each adds its number.

    Keras' own seed counts in every replica, which several replicas do not allow.
    """

    def __init__(self) -> None:
        super().__init__(0)

    def next(self, ordered: bool = True) -> Any:
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        member = context.replica_id_in_sync_group if context else 0
        return self.state.value + tf.cast(tf.stack([0, member]), self.state.value.dtype)


@contextmanager
def _worker_loss_reported() -> Iterator[None]:
    """Report a failed collective operation as a lost worker."""
    import tensorflow as tf

    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
    ):
        raise DistributionError(
            "a worker was lost: start all of them again, the training goes on from its last state"
        ) from None
