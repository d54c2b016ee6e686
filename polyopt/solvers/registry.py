"""The solvers by name, and the rule that picks one.

Names are ``"clarabel"``, ``"scs"``, ``"highs"``, ``"mosek"`` and so on for the native backends,
``"sdpa"`` and ``"csdp"`` for programs on the search path, ``"scs+clarabel"`` for one after the
other and ``"cvxpy:NAME"`` for everything behind CVXPY. Others come from :func:`register_solver` or
from installed packages with an entry point in the group ``polyopt.solvers`` (name to a
:class:`Solver` object, class or function without arguments).

Which solver and form win where
-------------------------------
CPU seconds of the whole solve (one thread of a two-core machine that others used as well), then
the error of the bound, relative where the value is not 0. Blocks are those of order 2 unless said.
*Dense* is the random quartic on the unit ball of :func:`polyopt.problems.random_quartic_ball`,
*box* the same quartic on a box, *Broyden* and *Rosenbrock* are chains in cliques of 3 and 2
variables, *MaxCut* is the first-order relaxation in 150 variables::

                         tolerance  Clarabel moment  Clarabel sos   SCS moment     SCS sos
    dense, n = 8   (45)    1e-6      0.77  2e-8       0.58  2e-8     0.08  2e-8     0.05  3e-6
                           1e-8      0.65  2e-8       0.71  2e-8     0.06  2e-8     0.07  2e-8
    dense, n = 10  (66)    1e-6      3.46  2e-8       3.41  2e-8     0.13  2e-8     0.16  2e-8
                           1e-8      3.66  2e-8       4.18  2e-8     0.13  2e-8     0.16  2e-8
    box, n = 10    (66)    1e-8      4.62  2e-8       -              0.32  2e-8     1.97  2e-8
    ex2_1_1, order 3 (56)  1e-8      4.75  1e-6       -              0.52  1e-9     0.77  1e-9
    Broyden banded, n = 7,
      order 3     (120)    1e-8      -                -              0.49  2e-7     0.37  1e-8
    MaxCut        (151)    1e-6      -                -              2.65  5e-8     1.90  4e-8
                           1e-8      -                -             10.65  1e-9     2.10  1e-9
    Broyden, n = 200 (10)  1e-6      0.82  4e-6       0.72  2e-5      > 15  no answer either form
                           1e-8      0.86  5e-7       0.93  6e-7      > 15  no answer either form
    Broyden, n = 1000      1e-6      3.56  2e-5       3.37  8e-5     not tried
                           1e-8      4.35  4e-6       3.96  5e-5     not tried
    Rosenbrock, n = 200    1e-6      0.22  6e-6       0.20  4e-4    17.2   2e-3    11.3   2e-4
                     (6)   1e-8      0.21  9e-7       0.23  3e-6    22.3   1e-7    12.6   1e-6
    Rosenbrock, n = 1000   1e-6      0.84  2e-5       0.90  3e-3     not tried
                           1e-8      0.97  5e-6       1.01  2e-5     not tried
    ex3_1_1       (45)     1e-8      2.80  1e-8       -              not in 6000 iterations
    ex5_4_2       (45)     1e-8      2.91  1e-8       -              not in 6000 iterations

Where they are installed, the programs SDPA and CSDP take, in moment form at 1e-8 with reading and
writing of files: dense n = 10 in 0.97 and 4.0 s, box n = 10 in 0.94 and 3.6 s, ex2_1_1 in 0.69 and
1.3 s, Broyden banded n = 7 in 3.8 s (SDPA), Broyden n = 200 in 0.81 s with error 5e-8 (SDPA; CSDP
has no answer in 20 s).

So: many small blocks want Clarabel, in moment form, which costs the same as the SOS form and is
closer to the value. A few large blocks want SCS by a factor of 10 to 25 where it converges,
at loose and tight tolerance alike, and Clarabel where it does not; the moment form needs fewer
iterations at order 2, the SOS form at order 1 (MaxCut). SCS's own defaults (scale 0.1, adaptive,
ten steps of acceleration) did best on average: scale 1 halves the iterations on the dense quartic
and doubles them on others, no acceleration and twenty steps make no difference.

One large block of order 1 wants the low-rank solver. MaxCut at tolerance 1e-5, seconds of the
solver on one thread: 0.1 against 1.5 for SCS in 150 variables, 0.4 against 7.4 in 300, and 4 to 7
in 800, 24 to 37 in 2000. Below 120 Clarabel's accuracy is worth more than the time. With more rows
than variables beside those that bound squares, SCS was faster at 150
(:meth:`LowRankSolver.is_suited`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import entry_points

from polyopt.conic.program import Cones, ConicProgram
from polyopt.errors import SolverUnavailableError
from polyopt.solvers.base import ConeKind, Solver, near_misses, needed_cones
from polyopt.solvers.clarabel import ClarabelSolver
from polyopt.solvers.csdp import CsdpSolver
from polyopt.solvers.cvxpy import CvxpySolver
from polyopt.solvers.cvxpy_backends import BACKENDS
from polyopt.solvers.highs import HighsSolver
from polyopt.solvers.lowrank.conic import LowRankSolver
from polyopt.solvers.mosek import MosekSolver
from polyopt.solvers.scs import ScsSolver
from polyopt.solvers.sdpa import SdpaSolver
from polyopt.solvers.staged import StagedSolver, effective_side

ENTRY_POINT_GROUP = "polyopt.solvers"

#: Largest PSD block for which :func:`default_solver` takes an interior-point solver.
LARGEST_INTERIOR_POINT_BLOCK = 120
#: Smallest tolerance for which :func:`default_solver` takes the low-rank solver.
SMALLEST_LOW_RANK_TOLERANCE = 1e-6
#: Effective side of the blocks from which SCS is tried before.
SMALLEST_FIRST_ORDER_BLOCK = 35

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

    Examples
    --------
    A solver may take the place of the one that has its name:

    >>> register_solver(get_solver("scs"), replace=True)
    >>> "scs" in known_solvers()
    True
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


def default_solver(program: ConicProgram | Cones, *, tolerance: float | None = None) -> Solver:
    """Pick a solver for a program by a fixed rule.

    1. Linear programs: HiGHS.
    2. A PSD block of more than ``LARGEST_INTERIOR_POINT_BLOCK`` rows: where it is the only one, of
       order 1 with bounded squares (:meth:`LowRankSolver.is_suited`), and no tolerance below
       ``SMALLEST_LOW_RANK_TOLERANCE`` is asked for, the low-rank solver; else SCS, whose iterations
       cost k^3. The accuracy of both is lower, which status and residuals tell.
    3. A few blocks that dominate (:func:`~polyopt.solvers.staged.effective_side` at least
       ``SMALLEST_FIRST_ORDER_BLOCK``): SCS with a budget of iterations, then Clarabel.
    4. Everything else, many small blocks above all: Clarabel.

    The rule looks at the structure only, so the same relaxation gets the same solver
    everywhere. Solvers with a licence or outside the required dependencies are never picked.

    Parameters
    ----------
    program
        The program or its cones; from cones alone the low-rank solver is never picked.
    tolerance
        The tolerance that was asked for, if any.

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
    if max(psd, default=0) > LARGEST_INTERIOR_POINT_BLOCK:
        low_rank = LowRankSolver()
        loose = tolerance is None or tolerance >= SMALLEST_LOW_RANK_TOLERANCE
        if loose and isinstance(program, ConicProgram) and low_rank.is_suited(program):
            return low_rank
        return get_solver("scs")
    if effective_side(cones) >= SMALLEST_FIRST_ORDER_BLOCK:
        return get_solver("scs+clarabel")
    return get_solver("clarabel")


@lru_cache(maxsize=1)
def _builtin() -> dict[str, Solver]:
    native: list[Solver] = [
        ClarabelSolver(),
        CsdpSolver(),
        HighsSolver(),
        LowRankSolver(),
        MosekSolver(),
        ScsSolver(),
        SdpaSolver(),
        StagedSolver(),
    ]
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
