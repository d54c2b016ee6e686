"""Running many independent tasks through joblib, each result given as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lipschitz_app.errors import InvalidOptionError


def run_tasks(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], n_jobs: int
) -> Iterator[tuple[int, Any]]:
    """Call a function for each tuple of arguments; give numbers and results in any order.

    Parameters
    ----------
    function : callable
        At the top of a module, so that it can be sent to other processes.
    arguments : sequence of tuples
    n_jobs : int
        Processes; -1 for all cores. The backend is the one that ``joblib.parallel_config`` says.

    Raises
    ------
    InvalidOptionError
        joblib is not installed, and more than one process is asked for.

    Examples
    --------
    >>> sorted(run_tasks(pow, [(2, 3), (3, 2)], 1))
    [(0, 8), (1, 9)]
    """
    if not arguments:
        return
    try:
        import joblib
    except ImportError:
        if n_jobs != 1:
            raise InvalidOptionError(
                f"n_jobs is {n_jobs}, which needs joblib; install it (pip install "
                "polyopt[parallel]), or leave n_jobs at 1"
            ) from None
        yield from (_numbered(i, function, given) for i, given in enumerate(arguments))
        return

    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    calls = (joblib.delayed(_numbered)(i, function, given) for i, given in enumerate(arguments))
    yield from parallel(calls)


def check_jobs(n_jobs: int) -> None:
    """Check a number of processes before anything is opened or computed.

    Raises
    ------
    InvalidOptionError

    Examples
    --------
    >>> check_jobs(-1)
    """
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise InvalidOptionError(
            f"n_jobs is {n_jobs!r}; give a number of processes, or -1 for all cores"
        )


def _numbered(
    index: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[int, Any]:
    return index, function(*arguments)
