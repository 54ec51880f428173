"""The kernels compiled at set-up are all that a performer can need."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import numpy as np
from numba.core.dispatcher import Dispatcher

from latentpad.engine import expanders
from latentpad.engine.decode.rehearsal import rehearse_expanders
from latentpad.engine.expanders import METRICS, NAMES, fit
from latentpad.engine.plane import Plane


def compiled() -> dict[str, int]:
    """The number of compiled signatures of every kernel of the expanders."""
    modules = pkgutil.iter_modules(expanders.__path__, "latentpad.engine.expanders.")
    kernels = (
        kernel
        for module in modules
        for kernel in vars(import_module(module.name)).values()
        if isinstance(kernel, Dispatcher)
    )
    return {f"{k.py_func.__module__}.{k.py_func.__name__}": len(k.signatures) for k in kernels}


def test_no_expander_is_compiled_while_someone_plays() -> None:
    rehearse_expanders()
    before = compiled()
    random = np.random.default_rng(1)
    for count, dimension in ((1, 3), (3, 2), (60, 8), (1100, 5)):
        z = random.normal(size=(count, dimension)).astype(np.float32)
        z[: count // 3] = z[0]  # some share a place
        coordinates = random.normal(size=(count, 2))
        for plane in (Plane.raw(z), Plane.principal(z), Plane.mapped(z, coordinates, "map")):
            for name in NAMES:
                for metric in METRICS:
                    expander = fit(name, plane, metric=metric, focus=5)
                    expander.expand(expander.plane.from_pad([[0.5, 0.5]]))
    assert compiled() == before
