"""Who encodes a library's sounds: threads here, or a Dask cluster that runs elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

from models.libraries.store import LibraryError
from models.pack import PackError


@contextmanager
def workers(dask: str | None) -> Iterator[tuple[Executor, int]]:
    """Who encodes, and how many batches they may have before them. Raises LibraryError.

    `dask` is the address of a scheduler that runs, "tcp://HOST:PORT"; its workers need Latentpad
    and the pack under the same path. None: two threads here, while one decodes the other encodes.
    """
    if dask is None:
        executor = ThreadPoolExecutor(2, thread_name_prefix="encoding")
        try:
            yield executor, 3
        finally:
            executor.shutdown(cancel_futures=True)
        return
    try:
        import distributed
    except ImportError:
        raise LibraryError(
            "encoding on a Dask cluster needs distributed: pip install 'latentpad[cluster]'"
        ) from None
    # What goes wrong is told in one line below; distributed would add its tracebacks.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client: Any = distributed.Client(dask, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        reason = (str(error).strip() or "no answer").splitlines()[0]
        raise LibraryError(f"{dask}: no Dask scheduler there ({reason})") from None
    with closing(client):
        threads = sum(client.nthreads().values())
        if not threads:
            raise LibraryError(f"{dask}: this Dask scheduler has no workers: start some")
        try:
            yield client.get_executor(pure=False), 2 * threads
        except distributed.scheduler.KilledWorker as error:
            reason = str(error).splitlines()[0]
            raise LibraryError(
                f"{dask}: the workers died ({reason}): what is done is kept"
            ) from None
        except (distributed.CancelledError, distributed.comm.CommClosedError):
            raise LibraryError(f"{dask}: the cluster was lost: what is done is kept") from None
        except OSError as error:
            raise LibraryError(
                f"{dask}: the cluster was lost ({error}): what is done is kept"
            ) from None
        except PackError as error:
            raise LibraryError(f"{dask}: on a worker: {error}") from None
