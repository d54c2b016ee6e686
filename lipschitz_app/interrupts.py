"""Knowing that Ctrl-C was pressed, also where a method has caught it to return what it proved.

Methods that stop in good order swallow the interrupt and return their best bound. Whoever calls
several of them has to know, to stop too and not to take such a bound for the last word of a method.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupts:
    """Whether an interrupt came.

    Attributes
    ----------
    came : bool
    """

    came: bool = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if an interrupt came and somebody caught it."""
        if self.came:
            raise KeyboardInterrupt

    def once_more(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """Return `say`, raising an interrupt that came once more when it is called next.

        A part of a method may have caught it to return its own best, while the method goes on.
        """
        raised = False

        def tell(text: str) -> None:
            nonlocal raised
            if self.came and not raised:
                raised = True
                raise KeyboardInterrupt
            say(text)

        return tell


@contextmanager
def watched_interrupts() -> Iterator[Interrupts]:
    """Note interrupts while the body runs; they are raised as ever.

    In other threads than the main one, which get no signals, nothing is noted.

    Examples
    --------
    >>> with watched_interrupts() as interrupts:
    ...     try:
    ...         signal.raise_signal(signal.SIGINT)
    ...     except KeyboardInterrupt:
    ...         pass
    >>> interrupts.came
    True
    """
    interrupts = Interrupts()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield interrupts
        return

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.came = True
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
