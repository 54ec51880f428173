"""What watches over a training: its pace, the best weights, taking up again, what is shown."""

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
    """Losses of one training, one value an epoch, and where the weights kept come from."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    since: int = 0  # the epoch from which weights are worth keeping to the end

    @property
    def best(self) -> float:
        return min(self.validation[self.since :], default=math.inf)


class TrainingCallback(keras.callbacks.Callback):
    """One training from its beginning, or from where it was interrupted, to its end.

    `history` and the best weights are there whenever it ends, after Ctrl-C too: `settle`. The
    state is kept in `folder`, a whole one or none: a kill at any moment loses `SAVED_EVERY_S`.
    Where several train together, `clock` is the same for all (each asks it as often as the
    others do), and one of them `saves`.
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
        self._course, self._lessons, self._folder = config, batches, folder
        self._shown, self._clock, self._saves = shown, clock, saves
        self._kept: list[Any] = []
        self.asked = False
        """Ctrl-C was pressed here, and the batch is not over yet."""
        self.interrupted = False
        """The training was ended in the middle of an epoch."""
        self._began = 0.0
        self._saved = time.monotonic()

    def take_up(self, training_model: TrainingModel) -> int:
        """Bring a built and compiled learner to where it was interrupted; the next epoch."""
        for place in (self._folder / "state", self._folder / "state.old"):
            if (place / "history.json").is_file():
                training_model.load_weights(place / "learner.weights.h5")
                self._kept = _weights(place / "best.npz")
                self.history = TrainingHistory(**json.loads((place / "history.json").read_text()))
                break
        self._lessons.begun = len(self.history.train)
        self._began = self._clock() - self.history.seconds
        return len(self.history.train)

    def settle(self, training_model: TrainingModel) -> None:
        """Give the learner's two models the best weights there were."""
        if self._kept:
            count = len(training_model.encoder.get_weights())
            training_model.encoder.set_weights(self._kept[:count])
            training_model.decoder.set_weights(self._kept[count:])

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Ctrl-C ends the training after its batch; a second one ends it at once.

        Raised into Keras' threads, KeyboardInterrupt comes out as one of a dozen other errors.
        """

        def stop(number: int, frame: object) -> None:
            self.asked = True
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
        self.interrupted = self.model.stop_training = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.asked:
            self.end()

    @property
    def done(self) -> float:
        """Share of the training that is over."""
        done = len(self.history.train) / self._course.passes
        if self._course.minutes is not None:
            done = max(done, (self._clock() - self._began) / (60 * self._course.minutes))
        return min(done, 1.0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        done, recipe = self.done, self._course.recipe
        pace = 0.51 + 0.49 * math.cos(math.pi * done) if recipe.falling else 1.0
        self.model.optimizer.learning_rate = recipe.learning_rate * pace
        self.model.warm.assign(min(1.0, done / recipe.warm_up) if recipe.warm_up else 1.0)
        self.throw(epoch, 0)

    def throw(self, epoch: int, at: int, members: int = 1) -> None:
        """Set the noise of a batch: of seed, epoch and place alone, as the batch itself is."""
        place = (epoch * len(self._lessons) + at) * members
        self.model.dice.state.assign(np.array([self._course.seed, place], "uint32"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.interrupted:  # not a whole epoch
            return
        history, recipe = self.history, self._course.recipe
        judged = float(logs["val_told"])
        # While the rate is high it is luck which epoch is the best, and its latents still tell
        # the same: that one is kept for an early end only.
        settled = not recipe.falling or self.done >= SETTLED
        if settled and recipe.falling and not history.since:
            history.since = epoch
        if judged < history.best:
            history.best_epoch = epoch
            self._kept = [*self.model.encoder.get_weights(), *self.model.decoder.get_weights()]
        history.train.append(float(logs["told"]))
        history.validation.append(judged)
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
        np.savez(new / "best.npz", *self._kept)
        (new / "history.json").write_text(json.dumps(asdict(self.history)))
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            os.replace(state, old)
        os.replace(new, state)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()


def training_key(*parts: object) -> str:
    """What a training is of: another key means that it is not taken up again."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _weights(path: Path) -> list[Any]:
    with np.load(path) as archive:
        return [archive[name] for name in archive.files]
