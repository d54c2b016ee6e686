"""The command line: solve a problem file, check a proof, list the solvers.

Exit status: 0 with an answer, 2 for input that cannot be used, 1 for no answer (the solver failed,
ran out of time or found no bound). Results go to standard output; progress, solver logs and errors
go to standard error. On a terminal tables and progress are drawn by rich where it is installed
(``pip install polyopt[cli]``); files and pipes always get plain text.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from polyopt.errors import (
    FormatError,
    MemoryEstimateError,
    PolyoptError,
    ProofError,
    SolverError,
    UnknownOptionError,
)
from polyopt.problem_json import load_problem
from polyopt.relaxation import TermSparsity, minimal_order, nearly_sparse, putinar, shor
from polyopt.relaxation.relaxation import Relaxation
from polyopt.solvers.registry import get_solver, known_solvers
from polyopt.status import Status

if TYPE_CHECKING:
    from polyopt.problem import PolynomialProblem
    from polyopt.proof import ProvenBound
    from polyopt.result import RelaxationResult

#: Statuses that answer the question: a bound, or a certificate that there is no feasible point.
_ANSWERS = (Status.OPTIMAL, Status.INFEASIBLE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    try:
        return int(arguments.run(arguments))
    except (SolverError, MemoryEstimateError) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    except (PolyoptError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("polyopt")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a source tree"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m polyopt",
        description="Bounds on polynomial optimisation problems by moment/SOS relaxations.",
        epilog="Exit status: 0 with an answer, 2 for bad input, 1 for no answer.",
    )
    parser.add_argument("--version", action="version", version=f"polyopt {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="command")

    solve = commands.add_parser(
        "solve",
        help="bound the optimum of a problem file",
        description="Solve a relaxation of a problem given as JSON (see polyopt.problem_json).",
    )
    solve.add_argument("problem", help="problem file (.json)")
    solve.add_argument("--order", type=int, help="relaxation order (default: the smallest)")
    solve.add_argument(
        "--relaxation", choices=("putinar", "nearly-sparse", "shor"), default="putinar"
    )
    solve.add_argument("--sparsity", choices=("correlative",), help="split into cliques")
    solve.add_argument("--term-sparsity", type=int, metavar="STEPS", help="split blocks by terms")
    solve.add_argument("--solver", help="a name of `python -m polyopt solvers`")
    solve.add_argument("--form", choices=("moment", "sos"), help="conic form")
    solve.add_argument("--tolerance", type=float, help="default: that of the solver, mostly 1e-8")
    solve.add_argument("--time-limit", type=float, metavar="SECONDS", help="for the solver")
    solve.add_argument("--threads", type=int)
    solve.add_argument("--prove", action="store_true", help="make the bound a proven one")
    solve.add_argument("--save-proof", metavar="FILE", help="write the proof (implies --prove)")
    solve.add_argument("--write", metavar="FILE", help="write the conic program, .dat-s or .cbf")
    solve.add_argument("--plan", action="store_true", help="print block sizes and do not solve")
    solve.add_argument("--json", action="store_true", help="print the result as JSON")
    solve.add_argument("--verbose", action="store_true", help="the solver's log, on standard error")
    solve.add_argument("--quiet", action="store_true", help="no progress on standard error")
    solve.set_defaults(run=_solve)

    check = commands.add_parser(
        "check", help="check a proof again", description="Check a proof without any solver."
    )
    check.add_argument("proof", help="proof file, from --save-proof")
    check.add_argument("problem", help="problem file (.json)")
    check.add_argument("--json", action="store_true", help="print the result as JSON")
    check.set_defaults(run=_check)

    solvers = commands.add_parser(
        "solvers", help="list the solvers", description="List the solvers and what they can do."
    )
    solvers.add_argument("--all", action="store_true", help="also those that are not installed")
    solvers.add_argument("--json", action="store_true", help="print the list as JSON")
    solvers.set_defaults(run=_solvers)
    return parser


def _solve(arguments: argparse.Namespace) -> int:
    progress = _Progress(arguments.quiet)
    _require_solver(arguments.solver)
    problem = load_problem(arguments.problem)
    progress(f"{arguments.problem}: {problem!r}")
    relaxation = _relaxation(problem, arguments)
    progress(f"{relaxation.name}: {relaxation.plan.summary}")
    if arguments.plan:
        print(relaxation)
        return 0
    if arguments.write:
        relaxation.program(arguments.form or "moment").write(arguments.write)
        progress(f"conic program written to {arguments.write}")
    with progress.busy("solving", not arguments.verbose), _standard_output_to_error():
        result = relaxation.solve(
            solver=arguments.solver,
            form=arguments.form,
            **({} if arguments.tolerance is None else {"tolerance": arguments.tolerance}),
            time_limit=arguments.time_limit,
            threads=arguments.threads,
            verbose=arguments.verbose,
        )
    progress(f"{result.solver}: {result.status}")
    proof, reason = None, ""
    if arguments.prove or arguments.save_proof:
        try:
            with progress.busy("proving"):
                proof = result.prove()
        except ProofError as error:
            reason = str(error)
            print(f"not proven: {error}", file=sys.stderr)
        else:
            progress(f"proven in {proof.timings['proof']:.2f} s")
            if arguments.save_proof:
                proof.save(arguments.save_proof)
                progress(f"proof written to {arguments.save_proof}")
    if arguments.json:
        print(json.dumps(_result_data(result, proof, reason), indent=2, allow_nan=False))
    else:
        print(result)
        if proof is not None:
            print(proof)
    wanted = arguments.prove or arguments.save_proof
    answered = proof is not None if wanted else result.status in _ANSWERS
    return 0 if answered or result.status is Status.INFEASIBLE else 1


def _require_solver(name: str | None) -> None:
    """Refuse a misspelt name as bad input; one that is not installed is no answer."""
    if name is not None and name not in known_solvers():
        try:
            get_solver(name)
        except SolverError as error:
            raise UnknownOptionError(str(error)) from None


def _relaxation(problem: PolynomialProblem, arguments: argparse.Namespace) -> Relaxation:
    order = minimal_order(problem) if arguments.order is None else arguments.order
    if arguments.relaxation == "shor":
        relaxation = shor(problem)
    elif arguments.relaxation == "nearly-sparse":
        relaxation = nearly_sparse(problem, order)
    else:
        relaxation = putinar(problem, order, sparsity=arguments.sparsity)
    if arguments.term_sparsity is not None:
        relaxation = relaxation.refine(TermSparsity(steps=arguments.term_sparsity))
    return relaxation


def _check(arguments: argparse.Namespace) -> int:
    from polyopt.proof import load_proof

    if arguments.proof.endswith(".json"):
        raise FormatError(
            f"{arguments.proof} is a problem file by its name; the proof comes first: "
            f"check {arguments.problem} {arguments.proof}"
        )
    proof = load_proof(arguments.proof).check(load_problem(arguments.problem))
    if arguments.json:
        print(json.dumps({"bound": proof.bound, "bound_kind": proof.kind, "domain": proof.domain}))
    else:
        print(proof)
    return 0


def _solvers(arguments: argparse.Namespace) -> int:
    rows = []
    for name in known_solvers():
        solver = get_solver(name)
        capabilities = solver.capabilities
        if not (arguments.all or solver.is_available()):
            continue
        usable = "yes" if solver.is_licensed() else "no licence"
        rows.append(
            {
                "name": name,
                "usable": usable if solver.is_available() else "not installed",
                "kind": capabilities.kind.value,
                "cones": ", ".join(sorted(kind.value for kind in capabilities.cones)),
                "form": capabilities.preferred_form,
                "accuracy": capabilities.exactness,
                "licence": capabilities.licence,
            }
        )
    console = _console(sys.stdout)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    elif console is None:
        print(_table(rows))
    else:
        _print_table(console, rows)
    return 0


def _console(stream: TextIO) -> Any:
    """Give rich's console for a terminal; None for other streams and without rich."""
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, highlight=False)


def _print_table(console: Any, rows: list[dict[str, str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, no_wrap=name == "name")
    for row in rows:
        # What cannot be used here is there for information only.
        table.add_row(*row.values(), style=None if row["usable"] == "yes" else "dim")
    console.print(table)


def _table(rows: list[dict[str, str]]) -> str:
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _result_data(
    result: RelaxationResult, proof: ProvenBound | None, reason: str
) -> dict[str, Any]:
    """Plain data in which numbers that are not finite are None, as JSON has no word for them."""
    data = result.as_dict()
    data["sense"] = result.relaxation.problem.sense
    data["message"] = result.status.text
    if result.status.has_iterate:
        data["residuals"] = asdict(result.residuals)
    if proof is not None:
        data["proof"] = {"bound": proof.bound, "kind": proof.kind, "domain": proof.domain}
    elif reason:
        data["proof"] = {"bound": None, "reason": reason}
    finite: dict[str, Any] = _finite(data)
    return finite


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Progress:
    """Lines with the time since the start, on standard error, unless they are not wanted."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.begin = quiet, time.perf_counter()
        self.console = None if quiet else _console(sys.stderr)

    def __call__(self, text: str) -> None:
        if self.quiet:
            return
        line = f"[{time.perf_counter() - self.begin:7.2f} s] {text}"
        if self.console is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self.console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def busy(self, text: str, shown: bool = True) -> Iterator[None]:
        """Show that something long is going on; not where a solver prints its own log."""
        if self.console is None or not shown:
            yield
            return
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        plain = {"redirect_stdout": False, "redirect_stderr": False}
        with Progress(*columns, console=self.console, transient=True, **plain) as bar:
            bar.add_task(text, total=None)
            yield


@contextmanager
def _standard_output_to_error() -> Iterator[None]:
    """Send what solvers print, also from C, to standard error while the body runs."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)
