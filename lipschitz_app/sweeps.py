"""Many bounds: inputs, labels, radii and methods, in parallel, streamed to a file and resumed.

Tasks run through joblib, so a Dask or Ray cluster that is set up with ``joblib.parallel_config``
takes them. Each result is written as soon as it is there, by the process that called; a sweep that
was killed goes on where it stopped, because a task is named by what it computes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import numpy as np

from lipschitz_app import norms
from lipschitz_app.errors import InvalidOptionError, LipschitzError
from lipschitz_app.fingerprint import fingerprint
from lipschitz_app.interrupts import watched_interrupts
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, as_target
from lipschitz_app.parallel import check_jobs, run_tasks
from lipschitz_app.regions import Region, check_region
from lipschitz_app.store import open_store
from lipschitz_app.tables import text_table
from polyopt.errors import PolyoptError


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One result of a sweep.

    Attributes
    ----------
    region : str
        Name of the region: its key in the mapping, or its number.
    output, norm, method : str
        What was asked for.
    result : dict or None
        As :meth:`LipschitzResult.to_dict` returns it; None where there was no bound.
    error : str
        Why there was no bound, or empty.
    seconds : float
        What it took when it was computed.
    resumed : bool
        Whether it was read from the store instead of computed.
    """

    region: str
    output: str
    norm: str
    method: str
    result: dict[str, Any] | None
    error: str
    seconds: float
    resumed: bool

    @property
    def upper(self) -> float:
        """Upper bound; infinite where there was none."""
        return math.inf if self.result is None else float(self.result["upper"])

    @property
    def upper_kind(self) -> str:
        """Kind of the upper bound, empty where there was none."""
        return "" if self.result is None else str(self.result["upper_kind"])

    @property
    def lower(self) -> float | None:
        """Lower bound; None where none was asked for or found."""
        value = None if self.result is None else self.result["lower"]
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The results of a sweep, in the order regions, outputs, methods.

    Attributes
    ----------
    rows : tuple of SweepRow
    """

    rows: tuple[SweepRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SweepRow]:
        return iter(self.rows)

    def table(self) -> str:
        """Return the results as a text table."""
        header = ("region", "output", "norm", "method", "upper", "kind", "lower", "time", "note")
        body = []
        for row in self.rows:
            upper = f"{row.upper:.6g}" if row.result is not None else "-"
            lower = "-" if row.lower is None else f"{row.lower:.6g}"
            note = row.error.splitlines()[0] if row.error else ""
            cells = (row.region, row.output, row.norm, row.method, upper, row.upper_kind, lower)
            body.append((*cells, f"{row.seconds:.2f} s", note))
        return text_table(header, body, right=(4, 6, 7))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        return self.table()


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a sweep; what was computed by then is here, and in the store if there is one.

    Attributes
    ----------
    partial : Sweep
        The rows that are known.
    missing : int
        The number of those that are not.
    """

    def __init__(self, partial: Sweep, missing: int) -> None:
        super().__init__(f"{len(partial)} of {len(partial) + missing} bounds are known")
        self.partial, self.missing = partial, missing


@dataclass(frozen=True, slots=True)
class _Task:
    """One bound, with a name that says what it is."""

    key: str
    name: str
    region: Region
    output: Output | None
    label: str
    method: str


def sweep(
    net: Network,
    regions: Mapping[str, Region] | Sequence[Region] | Region,
    outputs: Iterable[Output | None] = (0,),
    methods: Iterable[str] = ("auto",),
    *,
    norm: object = "inf",
    n_jobs: int = 1,
    store: str | PathLike[str] | None = None,
    retry_errors: bool = False,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> Sweep:
    """Bound the Lipschitz constant for all regions, outputs and methods.

    Parameters
    ----------
    net : Network
    regions : mapping of names to regions, sequence of regions, or a region
        For example one :class:`Box` for each input and radius.
    outputs : iterable
        As for :func:`lipschitz_constant`: indices, pairs for margins, vectors, None.
    methods : iterable of str
    norm : 1, 2 or "inf"
        Norm of the input space.
    n_jobs : int
        Processes; -1 for all cores. Through joblib, whose backend may be changed from outside:
        ``with joblib.parallel_config(backend="dask"): sweep(...)``.
    store : path, optional
        File to write each result to as it comes, one JSON object a line. What it holds already is
        not computed again.
    retry_errors : bool
        Whether tasks are tried again for which the store holds no bound but an error.
    progress : callable, optional
        Called with a line of text per result.
    **options
        Passed to :func:`lipschitz_constant`, for example ``time_limit=60`` or ``prove=False``.

    Returns
    -------
    Sweep
        Tasks without a bound are rows with an `error`; they do not end the sweep.

    Raises
    ------
    InvalidOptionError, InvalidRegionError, InvalidOutputError
        Something does not fit; found before anything is computed.
    StoreError
        The file is damaged, in use, or holds something else.
    SweepInterrupted
        Ctrl-C, a KeyboardInterrupt; it holds what was computed, and so does the store.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> regions = {f"radius {r}": la.Box([0.0, 0.0], r) for r in (0.5, 1.0)}
    >>> result = la.sweep(net, regions, methods=["product", "interval"])
    >>> [(row.region, row.method, round(row.upper, 6)) for row in result][1:3]
    [('radius 0.5', 'interval', 4.0), ('radius 1.0', 'product', 6.0)]
    """
    check_jobs(n_jobs)
    tasks = _tasks(net, regions, outputs, methods, norm, options)
    say = progress or (lambda text: None)
    with open_store(store) as results:
        if results.cut:
            say(f"{store}: cut off a half-written line of {results.cut} bytes")
        known = {
            key for key, record in results.records.items() if not (retry_errors and record["error"])
        }
        waiting = list({task.key: task for task in tasks if task.key not in known}.values())
        resumed = {task.key for task in tasks} - {task.key for task in waiting}
        say(f"{len(tasks)} bounds, {len(resumed)} of them known already")
        arguments = [(net, t.region, norm, t.output, t.method, options) for t in waiting]
        interrupted = False
        with watched_interrupts() as interrupts:
            try:
                for done, (index, record) in enumerate(
                    run_tasks(_bound, arguments, n_jobs), start=1
                ):
                    # A bound that a method came to as it was interrupted is not its last word.
                    interrupts.check()
                    task = waiting[index]
                    results.add(task.key, record)
                    bound = record["error"] or f"{record['result']['upper']:.6g}"
                    say(f"{done}/{len(waiting)} {task.name}, {task.label}, {task.method}: {bound}")
            except KeyboardInterrupt:
                interrupted = True
        found = Sweep(
            tuple(
                SweepRow(
                    region=task.name,
                    output=task.label,
                    norm=norms.as_norm(norm),
                    method=task.method,
                    resumed=task.key in resumed,
                    **results.records[task.key],
                )
                for task in tasks
                if task.key in results.records
            )
        )
    if interrupted:
        raise SweepInterrupted(found, len(tasks) - len(found))
    return found


def _tasks(
    net: Network,
    regions: Mapping[str, Region] | Sequence[Region] | Region,
    outputs: Iterable[Output | None],
    methods: Iterable[str],
    norm: object,
    options: Mapping[str, Any],
) -> list[_Task]:
    """Return the tasks in order, everything checked."""
    if not isinstance(net, Network):
        raise InvalidOptionError(
            f"the network is {type(net).__name__}; give a Network (Network.from_arrays or "
            "load_network)"
        )
    if isinstance(regions, Mapping):
        named = {str(name): region for name, region in regions.items()}
    elif isinstance(regions, Sequence):
        named = {str(number): region for number, region in enumerate(regions)}
    else:
        named = {"0": regions}
    chosen = [methods] if isinstance(methods, str) else list(methods)
    wanted = list(outputs)
    for what, values in (("region", named), ("output", wanted), ("method", chosen)):
        if not values:
            raise InvalidOptionError(f"no {what} is given; give at least one")
    for method in chosen:
        if method not in METHODS:
            raise InvalidOptionError(
                f"method {method!r} is not known; methods are {', '.join(METHODS)}"
            )
    taken = {"net", "region", "norm", "output", "method", "progress"} & set(options)
    if taken:
        raise InvalidOptionError(
            f"{', '.join(sorted(taken))} cannot be given as an option of each bound; sweep() has "
            "arguments of its own for them"
        )
    name = norms.as_norm(norm)
    network = fingerprint((net.layers, net.input_shape))
    tasks = []
    for title, region in named.items():
        place = fingerprint(check_region(region, net.input_size))
        for output in wanted:
            target = as_target(output, net.output_size, name, options.get("output_norm"))
            for method in chosen:
                parts = (network, place, name, _plain(output), method, _plain(options))
                tasks.append(_Task(fingerprint(parts), title, region, output, target.label, method))
    return tasks


def _plain(value: Any) -> Any:
    """Return numbers, lists and pairs in one form, so that equal tasks get equal names."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return {"tuple": [_plain(part) for part in value]}
    if isinstance(value, (list, np.ndarray)):
        return np.asarray(value, dtype=np.float64)
    return value


def _bound(
    net: Network,
    region: Region,
    norm: object,
    output: Output | None,
    method: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the record of one bound; runs in a worker."""
    begin = time.perf_counter()
    result: dict[str, Any] | None = None
    error = ""
    try:
        found = lipschitz_constant(net, region, norm, output, method=method, **options)
        result = found.to_dict()
    except (LipschitzError, PolyoptError) as reason:
        error = f"{type(reason).__name__}: {reason}"
    return {"result": result, "error": error, "seconds": round(time.perf_counter() - begin, 6)}
