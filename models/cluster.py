"""Run jobs on a Dask cluster; its errors become one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from typing import Any

from latentpad.models import extras

Workers = tuple[Executor, int]
"""The workers as an executor, and how many jobs may be submitted to it at once."""


@contextmanager
def cluster(address: str, work: str, error: type[Exception]) -> Iterator[Workers]:
    """Connect to the Dask scheduler at `address`, "tcp://HOST:PORT", and give its workers.

    All workers need Latentpad installed. `work` names the task ("judging") for the message that
    `distributed` is missing. Raises `error` if there is no scheduler or worker, or if the cluster
    dies or is lost during the `with` block.
    """
    try:
        import dask
        import distributed
    except ImportError:
        raise error(
            f"{work} on a Dask cluster needs distributed, which is not installed: "
            f"{extras.command('distributed')}"
        ) from None
    # Errors are reported in one line below; distributed would add its tracebacks.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client: Any = distributed.Client(address, timeout=10)
    except (OSError, ValueError, TimeoutError) as why:
        reason = (str(why).strip() or "no answer").splitlines()[0]
        raise error(f"{address}: no Dask scheduler there ({reason})") from None
    # A job carries its frames, some megabytes: distributed need not warn of that.
    large = dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"})
    with closing(client), large:
        threads = sum(client.nthreads().values())
        if not threads:
            raise error(f"{address}: this Dask scheduler has no workers: start some")
        try:
            yield client.get_executor(pure=False), 2 * threads
        except distributed.scheduler.KilledWorker as why:
            reason = str(why).splitlines()[0]
            raise error(f"{address}: the workers died ({reason}): finished work is kept") from None
        except (distributed.CancelledError, distributed.comm.CommClosedError):
            raise error(f"{address}: the cluster was lost: finished work is kept") from None
        except extras.ExtraError as why:
            raise error(f"{address}: on a worker: {why}") from None
        except ModuleNotFoundError as why:
            raise error(f"{address}: on a worker: {why}: install Latentpad") from None
        except RuntimeError as why:
            if "deserialization" not in str(why):  # distributed has no exception type for it
                raise
            raise error(
                f"{address}: the scheduler cannot read the jobs: install Latentpad there"
            ) from None
