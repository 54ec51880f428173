"""A training on several devices or machines at once, by TensorFlow's own distribution.

Every replica has the same weights, sees its share of each batch, and takes the mean of all their
gradients. Keras' `fit` does not do it: under MultiWorkerMirroredStrategy its symbolic build and
its reduction of logs fail (Keras 3.15), and its workers would not agree on when to stop. So the
loop is written out here; recipe, lessons and coach are those of any training.
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
    """A team that cannot train together: one line with the reason."""


class Team:
    """The replicas of one training: those of this process and those of all others.

    Made before anything else is asked of TensorFlow. What the methods send goes round by
    all-reduce, so every process has to call them in the same order: only the chief of them
    writes, all decide alike. For the main thread.
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
        """Tells this process' files from the chief's, which may lie in the same folder."""
        return "" if self.chief else f"-worker{self.task}"

    def clock(self) -> float:
        """The chief's monotonic clock in s: all machines have the same time."""
        return float(self.told(np.array([time.monotonic()])).item())

    def told(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) numbers of the chief, to all; the others give an array of the same length."""
        return self._summed(values if self.chief else np.zeros_like(values))

    def agree(self, what: str) -> None:
        """Raises DistributionError in all processes if `what` is not the chief's in one."""
        mine = np.frombuffer(what.encode(), np.uint8).astype(np.float64)
        others = self._summed(np.array([float(not np.array_equal(self.told(mine), mine))]))
        if others.item():
            raise DistributionError(
                f"{others.item():g} workers have other sounds or arguments than the chief: "
                "give all the same folder, seed and options"
            )

    def gather(self) -> None:
        """Wait for all others: a process that has gone is taken for one that was lost."""
        self._summed(np.zeros(1))

    def hand_out(self, work: Path) -> None:
        """Give all the state that the chief's folder has, so that all take up the same."""
        files = [b""] * len(STATE)
        if self.chief:
            states = [work / name for name in ("state", "state.old")]
            state = next((s for s in states if (s / "history.json").is_file()), None)
            if state is not None:
                files = [(state / name).read_bytes() for name in STATE]
        files = [self._sent(data) for data in files]
        if self.chief:
            return
        for name in ("state", "state.old"):
            shutil.rmtree(work / name, ignore_errors=True)
        if any(files):
            (work / "state").mkdir(parents=True)
            for name, data in zip(STATE, files, strict=True):
                (work / "state" / name).write_bytes(data)

    def dice(self) -> Any:
        """Noise of its own for each replica; to be thrown anew before each step."""
        return _Dice()

    def teach(
        self,
        training_model: TrainingModel,
        varied: Batches,
        plain: Batches,
        coach: TrainingCallback,
        begun: int,
        epochs: int,
    ) -> None:
        """What Keras' `fit` does alone: epochs `begun`... under `coach`, on all replicas.

        A term over a batch (the dependence of latents, the free nats) is one over a replica's
        share here: near to, but not, what one large batch would give.
        Raises DistributionError where a worker was lost.
        """
        step, judge = self._steps(training_model)
        coach.set_model(training_model)
        training_model.stop_training = False
        with _lost(), ThreadPoolExecutor(1) as thread:
            batches = _ahead(thread, lambda at: self._parts(varied, at))
            for epoch in range(begun, epochs):
                coach.on_epoch_begin(epoch)
                losses = []
                for at in range(len(varied)):
                    coach.on_train_batch_begin(at)
                    coach.throw(epoch, at, self.members)
                    flags = [np.float32(coach.asked)] * len(self._mine)
                    loss, stopped = step(self._given(next(batches)), self._given(flags))
                    losses.append(self._plain(loss))
                    if self._plain(stopped):  # Ctrl-C in one process is one in all
                        coach.end()
                        return
                unseen = [judge(self._given(self._parts(plain, at))) for at in range(len(plain))]
                told, judged = np.mean(losses), np.mean([self._plain(loss) for loss in unseen])
                coach.on_epoch_end(epoch, {"told": float(told), "val_told": float(judged)})
                if training_model.stop_training:
                    return

    def _steps(
        self, training_model: TrainingModel
    ) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        def learn(sounds: Any, flag: Any) -> Any:
            with tf.GradientTape() as tape:
                loss, told = training_model.judged(sounds, training_model(sounds, training=True))
                # The optimizer adds up what the replicas have found.
                share = loss / self.members
            weights = training_model.trainable_variables
            training_model.optimizer.apply_gradients(
                zip(tape.gradient(share, weights), weights, strict=True)
            )
            return self._mean([told, flag])

        def look(sounds: Any) -> Any:
            return self._mean(
                [training_model.judged(sounds, training_model(sounds, training=False))[1]]
            )[0]

        def together(what: Callable[..., Any]) -> Callable[..., Any]:
            return tf.function(
                lambda *given: self.strategy.run(what, args=given), reduce_retracing=True
            )

        return together(learn), together(look)

    def _mean(self, values: list[Any]) -> list[Any]:
        """Over all replicas, asked in each. (Asked outside of them, a process that has only one
        takes its own value for the mean.)"""
        import tensorflow as tf

        # What a replica is only given lies on no device yet.
        own = [tf.identity(value) for value in values]
        context = tf.distribute.get_replica_context()
        return [context.all_reduce(tf.distribute.ReduceOp.MEAN, value) for value in own]

    def _plain(self, value: Any) -> float:
        """What is the same in every replica."""
        return float(self.strategy.experimental_local_results(value)[0])

    @cached_property
    def _mine(self) -> list[int]:
        """Which of all replicas are of this process."""
        found: list[int] = []

        def note(context: Any) -> Any:
            found.append(int(context.replica_id_in_sync_group))
            return 0.0

        self.strategy.experimental_distribute_values_from_function(note)
        return found

    def _parts(self, batches: Batches, at: int) -> list[NDArray[np.float32]]:
        return [batches.part(at, member, self.members) for member in self._mine]

    def _given(self, values: Sequence[Any]) -> Any:
        """A value for each replica of this process, as `strategy.run` takes them."""
        import tensorflow as tf

        rest = iter(values)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(next(rest))
        )

    def _summed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Element by element over the processes."""
        with _lost():
            rest = [np.zeros_like(values)] * (len(self._mine) - 1)
            summed = self._add(self._given([values, *rest]))
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

    def _sent(self, data: bytes) -> bytes:
        """The chief's bytes, to all."""
        length = int(self.told(np.array([float(len(data))])).item())
        numbers = np.zeros(length)
        if self.chief:
            numbers[:] = np.frombuffer(data, np.uint8)
        parts = [self.told(numbers[i : i + CHUNK]) for i in range(0, length, CHUNK)]
        return np.concatenate([np.zeros(0), *parts]).astype(np.uint8).tobytes()


def _ahead(thread: Executor, make: Callable[[int], Any]) -> Iterator[Any]:
    """`make` of 0, 1, 2, ...: the next one is made while one is used."""
    future = thread.submit(make, 0)
    for at in count(1):
        made, future = future.result(), thread.submit(make, at)
        yield made


class _Dice(keras.random.SeedGenerator):
    """A state that the loop sets before each step, the same on all replicas: each adds its own
    number. (Keras' own counts in every replica, which none of several may.)"""

    def __init__(self) -> None:
        super().__init__(0)

    def next(self, ordered: bool = True) -> Any:
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        member = context.replica_id_in_sync_group if context else 0
        return self.state.value + tf.cast(tf.stack([0, member]), self.state.value.dtype)


@contextmanager
def _lost() -> Iterator[None]:
    """A collective that fails has lost a worker: say so."""
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
