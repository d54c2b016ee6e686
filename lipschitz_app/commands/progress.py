"""Progress on standard error: a line per event, and on terminals with rich a bar below them.

The functions of the package tell their progress in lines of text. Those that begin with ``3/12``
say how many of how many are done; they move the bar.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_COUNTED = re.compile(r"(\d+)/(\d+) ")


class Progress:
    """Takes lines of text and shows them with the time since the start.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self.begin = quiet, time.perf_counter()
        self.console = None if quiet else _console(sys.stderr)
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, text: str) -> None:
        """Show a line."""
        if self.quiet:
            return
        line = f"[{time.perf_counter() - self.begin:7.2f} s] {text}"
        if self.console is None:
            print(line, file=sys.stderr, flush=True)
            return
        self.console.print(line, markup=False, soft_wrap=True)
        counted = _COUNTED.match(text)
        if self._bar is not None and counted:
            done, total = int(counted[1]), int(counted[2])
            self._bar.update(self._task, completed=done, total=total)

    @contextmanager
    def bar(self, text: str) -> Iterator[None]:
        """Show a bar while the body runs, on terminals with rich."""
        if self.console is None:
            yield
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        plain = {"redirect_stdout": False, "redirect_stderr": False}
        with Bar(*columns, console=self.console, transient=True, **plain) as self._bar:
            self._task = self._bar.add_task(text, total=None)
            try:
                yield
            finally:
                self._bar = None


def _console(stream: TextIO) -> Any:
    """Return rich's console for a terminal; None for other streams and without rich."""
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, highlight=False)
