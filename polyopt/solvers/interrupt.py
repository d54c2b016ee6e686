"""Ctrl-C as a request instead of an exception, for solvers that can be asked to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether Ctrl-C was pressed since the solve began."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, signum: int, frame: FrameType | None) -> None:
        """Handle the signal; the solver looks at :attr:`requested` when it can."""
        self.requested = True


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Catch SIGINT while the body runs; restores the previous handler.

    Signal handlers belong to the main thread: in any other one nothing is changed, and Ctrl-C
    reaches the main thread as usual.

    Examples
    --------
    >>> with interruptible() as interruption:
    ...     signal.raise_signal(signal.SIGINT)
    >>> interruption.requested
    True
    """
    interruption = Interruption()
    previous = signal.getsignal(signal.SIGINT)
    # A handler installed from C (None) could not be put back.
    if threading.current_thread() is not threading.main_thread() or previous is None:
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption.request)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, previous)
