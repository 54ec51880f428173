"""The workers that encode a library's sounds: threads here, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from latentpad.models.cluster import Workers, cluster
from latentpad.models.libraries.store import LibraryError
from latentpad.models.packs.pack import PackError


@contextmanager
def workers(dask: str | None) -> Iterator[Workers]:
    """An executor that encodes, and how many batches may be submitted to it. Raises LibraryError.

    `dask` is the address of a running scheduler; its workers need the pack under the same path.
    None: two threads here, so that one reads files while the other encodes.
    """
    if dask is None:
        executor = ThreadPoolExecutor(2, thread_name_prefix="encoding")
        try:
            yield executor, 3
        finally:
            executor.shutdown(cancel_futures=True)
        return
    with cluster(dask, "encoding", LibraryError) as encoders:
        try:
            yield encoders
        except OSError as error:
            raise LibraryError(
                f"{dask}: the cluster was lost ({error}): finished work is kept"
            ) from None
        except PackError as error:
            raise LibraryError(f"{dask}: on a worker: {error}") from None
