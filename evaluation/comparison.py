"""The comparisons of a table, on all cores. Those made before are taken from the cache."""

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
PART = 12  # comparisons with one reference in one job: some seconds, lost by a kill

Decode = Callable[[Floats], Floats]  # (n, D) float32 latents to (n, frames, bins) dB, or columns


@contextmanager
def cores(count: int) -> Iterator[Workers]:
    """Worker processes that compare, and how many jobs may be submitted to them at once.

    They are spawned: TensorFlow and Numba, once started here, do not survive a fork.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), limit_threads)
    try:
        yield pool, count + 2
    finally:
        pool.shutdown(cancel_futures=True)


_judge_lock = threading.Lock()


def _single_threaded(version: int, job: Callable[..., Any], *given: Any) -> Any:
    """Run a worker's job on one thread, and no other job beside it: each core has a worker.

    Two jobs at once in ViSQOL's Numba kernels may crash their process. With several OpenMP threads
    its last sum, in libsvm, varies. Raises EvaluationError if the worker's figures are of another
    version than `version`.
    """
    import numba
    from threadpoolctl import threadpool_limits

    if version != VERSION:
        raise EvaluationError(
            "a worker has another version of Latentpad: install the same one on all"
        )
    with _judge_lock:
        # Libraries that are loaded later read this; threadpool_limits sets those loaded already.
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        numba.config.reload_config()  # or it would reject the number that limit_threads set
        numba.set_num_threads(1)  # of this thread
        with threadpool_limits(1):
            return job(*given)


def magnitudes(references: Sequence[Reference], others: Floats, decode: Decode) -> Float64:
    """(N,) MAE in dB of (N, D) latents against their references: without waveforms and cache."""
    errors = []
    for start in range(0, len(others), BATCH):
        part = slice(start, start + BATCH)
        errors += [
            similarity.mae_db(reference.frames, sound)
            for reference, sound in zip(references[part], decode(others[part]), strict=True)
        ]
    return np.array(errors)


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

    `decode` gives all columns (`Representation.columns`), because they are heard. Equal pairs are
    compared once; pairs in the cache are not compared. `shown` is called with the numbers of
    comparisons done and in all. An interrupt loses the jobs that run.
    """
    keys = [cache.key(a, b) for a, b in zip(references, others, strict=True)]
    known = cache.known(keys)
    missing = {key: i for i, key in reversed(list(enumerate(keys))) if key not in known}
    jobs = _jobs([*missing.values()], references)
    done = len(set(keys)) - len(missing)
    shown(done, done + len(missing))
    pool, most = judges
    running: dict[Future[list[Figures]], list[int]] = {}
    for rows in [*jobs, []]:
        while running and (len(running) >= most or not rows):
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                compared = [
                    *zip([keys[i] for i in running.pop(future)], future.result(), strict=True)
                ]
                cache.put(compared)
                known |= dict(compared)
                done += len(compared)
                shown(done, len(set(keys)))
        if rows:
            sounds = decode(others[rows])
            future = pool.submit(
                _single_threaded, VERSION, judge, representation, references[rows[0]], sounds
            )
            running[future] = rows
    return np.array([known[key] for key in keys], np.float64).reshape(-1, len(Figures._fields))


def _jobs(rows: Sequence[int], references: Sequence[Reference]) -> list[list[int]]:
    """Lists of at most `PART` rows with the same reference, which is analysed once per job."""
    by_reference: dict[bytes, list[int]] = {}
    for row in sorted(rows):
        by_reference.setdefault(references[row].name, []).append(row)
    return [
        group[start : start + PART]
        for group in by_reference.values()
        for start in range(0, len(group), PART)
    ]
