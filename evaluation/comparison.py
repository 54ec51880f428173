"""All the comparisons that a table needs, on all cores; what was made before is not made again."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import numpy as np

from latentpad.engine.plane import Float64
from latentpad.evaluation.cache import FigureCache
from latentpad.evaluation.paths import EvaluationError
from latentpad.evaluation.scoring import VERSION, Figures, Reference, judge, limit_threads
from latentpad.models.cluster import Workers
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats, Representation

BATCH = 64  # sounds decoded at once
PART = 12  # comparisons with one reference in one job: some seconds, which a kill may cost

Decode = Callable[[Floats], Floats]  # (n, D) float32 latents to (n, frames, bins) dB


@contextmanager
def cores(count: int) -> Iterator[Workers]:
    """Worker processes that judge, and how many jobs they may have before them.

    Spawned: what TensorFlow and Numba have started here does not outlive a fork.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), limit_threads)
    try:
        yield pool, count + 2
    finally:
        pool.shutdown(cancel_futures=True)


_judging = threading.Lock()


def _alone(version: int, job: Callable[..., Any], *given: Any) -> Any:
    """A worker's job, with one thread and without others: there is a worker for each core.

    Two jobs at once in ViSQOL's Numba kernels may end their process. With several OpenMP threads
    its last sum, libsvm's, is another each time. Raises EvaluationError where the worker judges
    otherwise than `version`.
    """
    import numba
    from threadpoolctl import threadpool_limits

    if version != VERSION:
        raise EvaluationError("a worker has another version of Latentpad: give all the same")
    with _judging:
        # Libraries that are not loaded yet read this; those that are have to be told.
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        numba.config.reload_config()  # else it complains of what quiet_threads set, once it runs
        numba.set_num_threads(1)  # of this thread
        with threadpool_limits(1):
            return job(*given)


def magnitudes(references: Sequence[Reference], others: Floats, decode: Decode) -> Float64:
    """(N,) MAE in dB alone of (N, D) latents against their references: no waveform, no ledger."""
    found = []
    for start in range(0, len(others), BATCH):
        part = slice(start, start + BATCH)
        found += [
            similarity.mae_db(reference.frames, sound)
            for reference, sound in zip(references[part], decode(others[part]), strict=True)
        ]
    return np.array(found)


def compare(
    references: Sequence[Reference],
    others: Floats,
    *,
    representation: Representation,
    decode: Decode,
    cache: FigureCache,
    judges: Workers,
    shown: Callable[[int, int], None] = lambda done, of: None,
) -> Float64:
    """(N, figures) of (N, D) latents, each decoded and compared with its reference.

    Equal pairs are compared once, and none that the ledger knows. `shown` is told how many of
    how many are done. An interrupt loses the jobs that run.
    """
    keys = [cache.key(a, b) for a, b in zip(references, others, strict=True)]
    known = cache.known(keys)
    lacking = {key: i for i, key in reversed(list(enumerate(keys))) if key not in known}
    jobs = _jobs([*lacking.values()], references)
    done = len(set(keys)) - len(lacking)
    shown(done, done + len(lacking))
    pool, most = judges
    running: dict[Future[list[Figures]], list[int]] = {}
    for rows in [*jobs, []]:
        while running and (len(running) >= most or not rows):
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                made = [*zip([keys[i] for i in running.pop(future)], future.result(), strict=True)]
                cache.put(made)
                known |= dict(made)
                done += len(made)
                shown(done, len(set(keys)))
        if rows:
            sounds = decode(others[rows])
            future = pool.submit(
                _alone, VERSION, judge, representation, references[rows[0]], sounds
            )
            running[future] = rows
    return np.array([known[key] for key in keys], np.float64).reshape(-1, len(Figures._fields))


def _jobs(rows: Sequence[int], references: Sequence[Reference]) -> list[list[int]]:
    """Rows of one reference each, `PART` at most: a reference is heard once a job."""
    of: dict[bytes, list[int]] = {}
    for row in sorted(rows):
        of.setdefault(references[row].name, []).append(row)
    return [
        same[start : start + PART] for same in of.values() for start in range(0, len(same), PART)
    ]
