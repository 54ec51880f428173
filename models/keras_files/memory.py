"""What a model would take, found before any memory is taken for it; and what Keras says of it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from latentpad.models.keras_files.layers import MOST_MADE, UnsupportedLayer, total

MOST_BYTES = 512 << 20  # a model's weights
MOST_KEPT = 4 * MOST_MADE  # numbers that all steps make: 1 GB
MOST_WORK = 1 << 35  # multiplications: seconds on one core
Complain = Callable[[str], Exception]  # makes the caller's error, which names the file


def shapes_only(make: Callable[[], Any], most: int, complain: Complain) -> Any:
    """`make()` without its weights: shapes only, no memory taken whatever they claim.

    Raises `complain` if the model needs more than `most` numbers, or makes or multiplies more than
    a sound may, or cannot be made; what `make` complains of itself is passed on. Imports Keras.
    """
    import keras
    from keras.src.backend.common import global_state

    own = type(complain(""))
    # Keras notes the scope's variables to make them real when the next scope ends: all the
    # memory that they claim. They are forgotten with the model.
    noted = "uninitialized_variables"
    before = list(global_state.get_global_attribute(noted, []))
    try:
        with keras.StatelessScope(initialize_variables=False), warnings_silenced():
            model = make()
            needs = sum(math.prod(w.shape) for w in model.weights)
            if needs > most:
                what = f"its layers need {needs} weights, the file holds {most}"
                raise complain(f"is damaged: {what}")
            check_cost(model, complain)
    except own:
        raise
    # Keras raises whatever its layers raise on a malformed description.
    except Exception as error:
        raise complain(f"cannot be built: {keras_reason(error)}") from None
    finally:
        global_state.set_global_attribute(noted, before)
    return model


@contextmanager
def warnings_silenced() -> Iterator[None]:
    """Let nobody hear what Keras warns of: it speaks to those who write models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_cost(model: Any, complain: Complain) -> None:
    """Raise `complain` if a model makes or multiplies more than a sound may."""
    try:
        kept, work = total(model)
    except UnsupportedLayer as error:
        raise complain(str(error)) from None
    if kept > MOST_KEPT:
        raise complain(f"has layers that make {kept} numbers of one sound: too many")
    if work > MOST_WORK:
        raise complain(f"takes {work} multiplications for one sound: too many")


def batch_size(model: Any, most: int) -> int:
    """How many sounds, `most` at most, a model makes at once in the memory one sound may take."""
    return max(1, min(most, MOST_KEPT // max(1, total(model)[0])))


def keras_reason(error: Exception) -> str:
    """What an exception says, in a line: without Keras' headings and its bold type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    headings = ("Exception encountered", "A total of")
    told = [line for line in lines if not line.startswith(headings)]
    return (told or [type(error).__name__])[0][:200]
