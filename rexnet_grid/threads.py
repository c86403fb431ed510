"""How many threads the linear algebra below numpy and scipy may use."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def one_thread_unless_set() -> None:
    """Use one thread from now on, if numpy is not loaded yet and the user has not said otherwise.

    The matrices here are small: more threads wait for each other longer than they compute, above all where other
    programs want the same cores, and they add up in another order on every machine.
    """
    for name in SETTINGS:
        os.environ.setdefault(name, "1")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let linear algebra use one thread in this context, for the same reasons, if the user has not said otherwise."""
    from threadpoolctl import threadpool_limits

    if any(name in os.environ for name in SETTINGS):
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start in this context use one thread each."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(dict.fromkeys(SETTINGS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
