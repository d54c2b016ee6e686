"""The solvers by name, and the rule that picks one.

Names are ``"clarabel"``, ``"scs"``, ``"highs"`` for the native backends and ``"cvxpy:NAME"`` for
everything behind CVXPY. Others come from :func:`register_solver` or from installed packages with
an entry point in the group ``polyopt.solvers`` (name to a :class:`Solver` object, class or
function without arguments).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import entry_points

from polyopt.conic.program import Cones, ConicProgram
from polyopt.errors import SolverUnavailableError
from polyopt.solvers.base import ConeKind, Solver, near_misses, needed_cones
from polyopt.solvers.clarabel import ClarabelSolver
from polyopt.solvers.cvxpy import CvxpySolver
from polyopt.solvers.cvxpy_backends import BACKENDS
from polyopt.solvers.highs import HighsSolver
from polyopt.solvers.scs import ScsSolver

ENTRY_POINT_GROUP = "polyopt.solvers"

#: Largest PSD block for which :func:`default_solver` takes Clarabel.
LARGEST_INTERIOR_POINT_BLOCK = 120

_registered: dict[str, Solver] = {}


def register_solver(solver: Solver, *, replace: bool = False) -> None:
    """Make a solver known under its name.

    Parameters
    ----------
    solver
        An object of a subclass of :class:`Solver`.
    replace
        Whether it may take the place of one of the same name.

    Raises
    ------
    TypeError
        If it is not a :class:`Solver`.
    ValueError
        If the name is taken and ``replace`` is False.
    """
    if not isinstance(solver, Solver):
        raise TypeError(f"register_solver needs a Solver object, got {solver!r}")
    if not replace and solver.name in _solvers():
        raise ValueError(f"a solver named {solver.name!r} exists; pass replace=True to replace it")
    _registered[solver.name] = solver


def get_solver(name: str | Solver) -> Solver:
    """Return a solver by name; a :class:`Solver` object is returned as it is.

    Raises
    ------
    SolverUnavailableError
        If no solver has that name; the message lists the names there are.

    Examples
    --------
    >>> get_solver("clarabel")
    <solver clarabel>
    """
    if isinstance(name, Solver):
        return name
    solvers = _solvers()
    if name not in solvers:
        raise SolverUnavailableError(
            f"there is no solver {name!r}.{near_misses(str(name), solvers)} "
            f"Known solvers: {', '.join(sorted(solvers))}"
        )
    return solvers[name]


def known_solvers() -> list[str]:
    """Return the names of all solvers, installed or not."""
    return sorted(_solvers())


def available_solvers() -> list[str]:
    """Return the names of the solvers that are installed; none of them is imported to find out.

    Examples
    --------
    >>> "clarabel" in available_solvers()
    True
    """
    return sorted(name for name, solver in _solvers().items() if solver.is_available())


def default_solver(program: ConicProgram | Cones) -> Solver:
    """Pick a solver for a program by a fixed rule.

    1. Linear programs: HiGHS.
    2. PSD blocks of at most ``LARGEST_INTERIOR_POINT_BLOCK`` rows: Clarabel. It factorises a dense
       matrix with one row for each entry of a block's triangle, so a block of side k costs about
       k^4 bytes and k^6 / 24 operations an iteration: measured 0.04, 0.23, 1.0 and 3.3 s for k =
       40, 60, 80 and 100 (one thread, either form).
    3. Larger blocks: SCS, whose iterations cost k^3. Its accuracy is lower, which status and
       residuals tell.

    The rule looks at the block structure only, so the same relaxation gets the same solver
    everywhere. Solvers with a licence or outside the required dependencies are never picked.

    Parameters
    ----------
    program
        The program or its cones.

    Examples
    --------
    >>> default_solver(Cones(nonnegative=10)), default_solver(Cones(psd=(10, 20)))
    (<solver highs>, <solver clarabel>)
    >>> default_solver(Cones(psd=(500,)))
    <solver scs>
    """
    cones = program if isinstance(program, Cones) else program.cones
    psd = [side for side in cones.psd if side > 1]
    kinds = needed_cones(Cones(cones.zero, cones.nonnegative, cones.second_order, tuple(psd)))
    if kinds <= {ConeKind.ZERO, ConeKind.NONNEGATIVE}:
        return get_solver("highs")
    if max(psd, default=0) <= LARGEST_INTERIOR_POINT_BLOCK:
        return get_solver("clarabel")
    return get_solver("scs")


@lru_cache(maxsize=1)
def _builtin() -> dict[str, Solver]:
    native: list[Solver] = [ClarabelSolver(), HighsSolver(), ScsSolver()]
    return {solver.name: solver for solver in (*native, *map(CvxpySolver, sorted(BACKENDS)))}


@lru_cache(maxsize=1)
def _from_entry_points() -> dict[str, Solver]:
    found: dict[str, Solver] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        loaded: Solver | Callable[[], Solver] = entry.load()
        found[entry.name] = loaded if isinstance(loaded, Solver) else loaded()
    return found


def _solvers() -> dict[str, Solver]:
    return {**_builtin(), **_from_entry_points(), **_registered}
