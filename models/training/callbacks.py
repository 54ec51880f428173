"""The callback of a training: its learning rate, the best weights, its saved state, and
progress."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from latentpad.models.training.batches import Batches
from latentpad.models.training.config import TrainingConfig
from latentpad.models.training.loss import TrainingModel

SAVED_EVERY_S = 20.0
SETTLED = 0.5  # share of a training after which a falling rate is below half


@dataclass
class TrainingHistory:
    """Losses of one training, one value per epoch, and the epoch of the best weights."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    since: int = 0  # the first epoch whose weights may be the final ones
    interrupted: bool = False  # by Ctrl-C

    @property
    def best(self) -> float:
        return min(self.validation[self.since :], default=math.inf)


class TrainingCallback(keras.callbacks.Callback):
    """One training from its beginning, or from where it was interrupted, to its end.

    `history` and the best weights are available however it ends, also after Ctrl-C: see
    `set_best_weights`. The state in `folder` is replaced as a whole, so a kill at any moment loses
    at most `SAVED_EVERY_S`. If several processes train together, `clock` gives all of them the same
    time (each must call it equally often), and only one of them `saves`.
    """

    model: TrainingModel

    def __init__(
        self,
        config: TrainingConfig,
        batches: Batches,
        folder: Path,
        *,
        shown: Callable[[float, TrainingHistory], None] = lambda done, history: None,
        clock: Callable[[], float] = time.monotonic,
        saves: bool = True,
    ) -> None:
        super().__init__()
        self.history = TrainingHistory()
        self._config, self._batches, self._folder = config, batches, folder
        self._shown, self._clock, self._saves = shown, clock, saves
        self._best_weights: list[Any] = []
        self.stop_requested = False
        """Ctrl-C was pressed in this process during the batch that runs."""
        self._began = 0.0
        self._saved = time.monotonic()

    def resume(self, training_model: TrainingModel) -> int:
        """Restore a built and compiled model from the saved state, if any; return the next
        epoch."""
        for state in (self._folder / "state", self._folder / "state.old"):
            if (state / "history.json").is_file():
                training_model.load_weights(state / "learner.weights.h5")
                self._best_weights = _weights(state / "best.npz")
                self.history = TrainingHistory(**json.loads((state / "history.json").read_text()))
                break
        self._batches.first_epoch = len(self.history.train)
        self._began = self._clock() - self.history.seconds
        return len(self.history.train)

    def set_best_weights(self, training_model: TrainingModel) -> None:
        """Set the encoder and decoder to the best weights."""
        if self._best_weights:
            count = len(training_model.encoder.get_weights())
            training_model.encoder.set_weights(self._best_weights[:count])
            training_model.decoder.set_weights(self._best_weights[count:])

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Ctrl-C ends the training after its batch; a second one ends it at once.

        Without this, KeyboardInterrupt in one of Keras' threads would appear as various other
        errors.
        """

        def stop(number: int, frame: object) -> None:
            self.stop_requested = True
            signal.signal(signal.SIGINT, before)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def end(self) -> None:
        """Stop after this batch: its epoch does not count."""
        self.history.interrupted = self.model.stop_training = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.stop_requested:
            self.end()

    @property
    def done(self) -> float:
        """The share of the training that is done, 0...1."""
        done = len(self.history.train) / self._config.passes(len(self._batches))
        if self._config.minutes is not None:
            done = max(done, (self._clock() - self._began) / (60 * self._config.minutes))
        return min(done, 1.0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        done, recipe = self.done, self._config.recipe
        pace = 0.51 + 0.49 * math.cos(math.pi * done) if recipe.falling else 1.0
        self.model.optimizer.learning_rate = recipe.learning_rate * pace
        self.model.warm.assign(min(1.0, done / recipe.warm_up) if recipe.warm_up else 1.0)
        self.seed_noise(epoch, 0)

    def seed_noise(self, epoch: int, index: int, members: int = 1) -> None:
        """Seed the noise of a batch. It depends on seed, epoch and index only, like the batch
        itself."""
        number = (epoch * len(self._batches) + index) * members
        self.model.noise_seed.state.assign(np.array([self._config.seed, number], "uint32"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.history.interrupted:  # not a whole epoch
            return
        history, recipe = self.history, self._config.recipe
        score = float(logs["val_score"])
        # While the learning rate is high the best epoch is a matter of chance, and its latents are
        # still correlated: its weights are kept for an early end only.
        settled = not recipe.falling or self.done >= SETTLED
        if settled and recipe.falling and not history.since:
            history.since = epoch
        if score < history.best:
            history.best_epoch = epoch
            self._best_weights = [
                *self.model.encoder.get_weights(),
                *self.model.decoder.get_weights(),
            ]
        history.train.append(float(logs["score"]))
        history.validation.append(score)
        history.seconds = self._clock() - self._began
        patient = not settled or epoch - history.best_epoch < recipe.patience
        if self.done >= 1 or not patient:
            self.model.stop_training = True
        if self._saves and time.monotonic() - self._saved > SAVED_EVERY_S:
            self._save()
        self._shown(self.done, history)

    def _save(self) -> None:
        new, state, old = (self._folder / name for name in ("state.new", "state", "state.old"))
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        self.model.save_weights(new / "learner.weights.h5")
        np.savez(new / "best.npz", *self._best_weights)
        (new / "history.json").write_text(json.dumps(asdict(self.history)))
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            os.replace(state, old)
        os.replace(new, state)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()


def training_key(*parts: object) -> str:
    """A hash of all that decides a training: a saved state is resumed only under the same key."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _weights(path: Path) -> list[Any]:
    with np.load(path) as archive:
        return [archive[name] for name in archive.files]
