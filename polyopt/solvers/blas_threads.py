"""One BLAS thread where matrices are small.

Products of matrices of a few hundred rows gain little from the threads of a BLAS, and lose much
where other work keeps the cores busy: waiting threads spin, and a call of microseconds takes
milliseconds.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_depth = 0


@functools.cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold numpy's and scipy's BLAS to one thread inside the block.

    The setting is that of the process. Blocks may be nested; in other threads than the main one,
    from where OpenBLAS does not put a number back, they do nothing.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     norm = np.linalg.norm(np.eye(3), 2)
    """
    global _depth
    if threading.current_thread() is not threading.main_thread() or _depth > 0:
        yield
        return
    limiter = _controller().limit(limits=1)
    _depth = 1
    try:
        yield
    finally:
        _depth = 0
        limiter.restore_original_limits()
