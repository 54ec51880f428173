"""Activation functions on float32 arrays in place, as Keras defines them.

Each function takes the array and a scratch array of the same shape. Overflow of `exp` is part of
the formulas: the caller ignores these floating-point warnings.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from latentpad.models.representation import Floats

Activation = Callable[[Floats, Floats], None]

SELU_SCALE, SELU_ALPHA = 1.05070098, 1.67326324  # Klambauer et al., 2017


def linear(x: Floats, scratch: Floats) -> None:
    pass


def sigmoid(x: Floats, scratch: Floats) -> None:
    _one_plus_exp_of_minus(x, scratch)
    np.reciprocal(scratch, out=x)


def silu(x: Floats, scratch: Floats) -> None:
    _one_plus_exp_of_minus(x, scratch)
    np.divide(x, scratch, out=x)


def _one_plus_exp_of_minus(x: Floats, result: Floats) -> None:
    np.negative(x, out=result)
    np.exp(result, out=result)
    result += 1


def tanh(x: Floats, scratch: Floats) -> None:
    np.tanh(x, out=x)


def relu(
    x: Floats,
    scratch: Floats,
    *,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> None:
    if negative_slope:
        np.subtract(x, threshold, out=scratch)
        np.minimum(scratch, 0, out=scratch)
        scratch *= negative_slope
    else:
        scratch.fill(0)
    if threshold:
        x[x <= threshold] = 0
    np.clip(x, 0, max_value, out=x)
    x += scratch


def elu(x: Floats, scratch: Floats, *, alpha: float = 1.0) -> None:
    np.minimum(x, 0, out=scratch)
    np.expm1(scratch, out=scratch)
    scratch *= alpha
    np.maximum(x, 0, out=x)
    x += scratch


def selu(x: Floats, scratch: Floats) -> None:
    elu(x, scratch, alpha=SELU_ALPHA)
    x *= SELU_SCALE


def gelu(x: Floats, scratch: Floats) -> None:
    from scipy.special import erf

    np.multiply(x, np.sqrt(0.5, dtype=np.float32), out=scratch)
    erf(scratch, out=scratch)
    scratch += 1
    scratch *= 0.5
    x *= scratch


def softplus(x: Floats, scratch: Floats) -> None:
    np.logaddexp(x, np.float32(0), out=x)


def softsign(x: Floats, scratch: Floats) -> None:
    np.abs(x, out=scratch)
    scratch += 1
    x /= scratch


def mish(x: Floats, scratch: Floats) -> None:
    np.logaddexp(x, np.float32(0), out=scratch)
    np.tanh(scratch, out=scratch)
    x *= scratch


def exponential(x: Floats, scratch: Floats) -> None:
    np.exp(x, out=x)


def hard_sigmoid(x: Floats, scratch: Floats) -> None:
    x += 3
    np.clip(x, 0, 6, out=x)
    x /= 6


def hard_silu(x: Floats, scratch: Floats) -> None:
    np.copyto(scratch, x)
    hard_sigmoid(scratch, scratch)
    x *= scratch


#: By the names that Keras' descriptions use.
ACTIVATIONS: dict[str, Activation] = {
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "leaky_relu": partial(relu, negative_slope=0.2),
    "linear": linear,
    "mish": mish,
    "relu": relu,
    "relu6": partial(relu, max_value=6.0),
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softplus": softplus,
    "softsign": softsign,
    "swish": silu,
    "tanh": tanh,
}
