"""The memory and work that a model needs, computed before memory is allocated; and Keras'
errors."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from latentpad.models.keras_files.layers import MOST_MADE, UnsupportedLayer, total

MOST_BYTES = 512 << 20  # a model's weights
MOST_KEPT = 4 * MOST_MADE  # numbers that all steps may make: 1 GB
MOST_WORK = 1 << 35  # multiplications: seconds on one core
Complain = Callable[[str], Exception]  # makes the caller's error, which names the file


def shapes_only(make: Callable[[], Any], most: int, complain: Complain) -> Any:
    """`make()` with shapes only: no memory is allocated for weights, whatever their sizes.

    Raises `complain` if the model needs more than `most` weights, or is too costly, or cannot be
    built; errors of `make` of the same type are passed on. Imports Keras.
    """
    import keras
    from keras.src.backend.common import global_state

    error_type = type(complain(""))
    # Keras lists the scope's variables and would allocate them when the next scope ends. The list
    # is restored, so that they are forgotten.
    attribute = "uninitialized_variables"
    before = list(global_state.get_global_attribute(attribute, []))
    try:
        with keras.StatelessScope(initialize_variables=False), warnings_silenced():
            model = make()
            needs = sum(math.prod(w.shape) for w in model.weights)
            if needs > most:
                what = f"its layers need {needs} weights, the file holds {most}"
                raise complain(f"is damaged: {what}")
            check_cost(model, complain)
    except error_type:
        raise
    # Keras' layers raise various exceptions for a malformed description.
    except Exception as error:
        raise complain(f"cannot be built: {keras_reason(error)}") from None
    finally:
        global_state.set_global_attribute(attribute, before)
    return model


@contextmanager
def warnings_silenced() -> Iterator[None]:
    """Silence Keras' warnings: they are meant for people who write models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_cost(model: Any, complain: Complain) -> None:
    """Raise `complain` if a model makes too many numbers or multiplications."""
    try:
        kept, work = total(model)
    except UnsupportedLayer as error:
        raise complain(str(error)) from None
    if kept > MOST_KEPT:
        raise complain(f"has layers that make {kept} numbers of one sound: too many")
    if work > MOST_WORK:
        raise complain(f"takes {work} multiplications for one sound: too many")


def batch_size(model: Any, most: int) -> int:
    """How many sounds, at most `most`, a model can decode at once within `MOST_KEPT`."""
    return max(1, min(most, MOST_KEPT // max(1, total(model)[0])))


def keras_reason(error: Exception) -> str:
    """An exception's message in one line, without Keras' headings and its bold type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    headings = ("Exception encountered", "A total of")
    messages = [line for line in lines if not line.startswith(headings)]
    return (messages or [type(error).__name__])[0][:200]
