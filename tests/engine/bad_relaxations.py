"""Bad orders, cliques, options and boxes, each with the message it must give."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyopt as po
from polyopt import problems
from polyopt.errors import (
    FormatError,
    InvalidProblemError,
    MemoryEstimateError,
    ProofError,
    RelaxationError,
    SolverUnavailableError,
    SparsityError,
    UnknownOptionError,
    UnknownVariableError,
)

from .bad_polynomials import DISC, Case, X

QUINTIC = po.minimize(X[0], subject_to=[X[0] ** 2 <= 1, X[0] ** 5 <= 1])


def relaxed() -> po.Relaxation:
    return po.putinar(DISC, order=1)


def unbounded_box() -> Any:
    return po.putinar(po.minimize(X[0] ** 2 - X[0]), order=1).solve().prove()


def large() -> po.PolynomialProblem:
    return po.minimize(po.sum_polynomials(v**4 for v in po.variables("x", 60)))


RELAXATIONS: list[Case] = [
    (
        "order too low for a constraint",
        lambda: po.putinar(QUINTIC, order=2),
        RelaxationError,
        "order 2 is too low: inequality 1 has degree 5 and needs order 3 at least",
    ),
    (
        "order too low, nearly sparse",
        lambda: po.nearly_sparse(QUINTIC, order=2),
        RelaxationError,
        "order 2 is too low: inequality 1 has degree 5",
    ),
    (
        "degree too high for Shor",
        lambda: po.shor(po.minimize(X[0] ** 3)),
        RelaxationError,
        "order 1 is too low: the objective has degree 3",
    ),
    (
        "order zero",
        lambda: po.putinar(DISC, order=0),
        RelaxationError,
        "the order is 0; it must be a positive integer",
    ),
    (
        "fractional order",
        lambda: po.putinar(DISC, order=1.5),  # type: ignore[arg-type]
        RelaxationError,
        "the order is 1.5; it must be a positive integer",
    ),
    (
        "no problem",
        lambda: po.putinar(X[0], order=1),  # type: ignore[arg-type]
        InvalidProblemError,
        "a relaxation needs a PolynomialProblem, got Polynomial(x0)",
    ),
    (
        "constraint in no clique",
        lambda: po.putinar(DISC, order=1, cliques=[[0], [1]]),
        SparsityError,
        "inequality 0 couples x0, x1, which no clique contains; add such a clique or use "
        "nearly_sparse",
    ),
    (
        "monomial in no clique",
        lambda: po.putinar(po.minimize(X[0] * X[1] + X[2]), order=1, cliques=[[0], [1], [2]]),
        SparsityError,
        "a monomial of the objective couples x0, x1, which no clique contains",
    ),
    (
        "no clique",
        lambda: po.putinar(DISC, order=1, cliques=[]),
        SparsityError,
        "no cliques were given; give at least one, or leave cliques out",
    ),
    (
        "clique with a foreign name",
        lambda: po.putinar(DISC, order=1, cliques=[["x0", "y"]]),
        UnknownVariableError,
        "clique 0 contains 'y', which is no variable; known are x0, x1",
    ),
    (
        "clique with a foreign number",
        lambda: po.putinar(DISC, order=1, cliques=[[0, 1], [7]]),
        UnknownVariableError,
        "clique 1 contains variable 7, but the problem has 2 variables, numbered 0 to 1",
    ),
    (
        "flat list of cliques",
        lambda: po.putinar(DISC, order=1, cliques=[0, 1]),  # type: ignore[list-item]
        SparsityError,
        "clique 0 is 0; a clique is a list of variable indices or names",
    ),
    (
        "cliques and sparsity",
        lambda: po.putinar(DISC, order=1, cliques=[[0, 1]], sparsity="correlative"),
        RelaxationError,
        "give either sparsity or cliques, not both",
    ),
    (
        "unknown sparsity",
        lambda: po.putinar(DISC, order=1, sparsity="corelative"),  # type: ignore[arg-type]
        RelaxationError,
        "sparsity is 'corelative'; it must be \"correlative\", a CorrelativeSparsity or None",
    ),
    (
        "term sparsity as a pattern",
        lambda: po.putinar(DISC, order=1, sparsity="term"),  # type: ignore[arg-type]
        RelaxationError,
        "None; term sparsity is .refine(TermSparsity())",
    ),
    (
        "pattern of another problem",
        lambda: po.putinar(QUINTIC, order=3, sparsity=po.correlative_sparsity(DISC)),
        SparsityError,
        "the pattern was made for 2 variables, the problem has 3",
    ),
    (
        "unknown chordal method",
        lambda: po.putinar(DISC, order=1, sparsity="correlative", chordal="min"),
        UnknownOptionError,
        "chordal method 'min'; known are min_degree, min_fill",
    ),
    (
        "unknown assignment",
        lambda: po.putinar(DISC, order=1, sparsity="correlative", assign="some"),  # type: ignore[arg-type]
        UnknownOptionError,
        'to=\'some\'; constraints go to the "first" clique or to "all"',
    ),
    (
        "dense constraint that does not exist",
        lambda: po.nearly_sparse(DISC, order=1, dense=[3]),
        SparsityError,
        "dense constraint 3 does not exist: the problem has 1 inequalities and 0 equalities",
    ),
    (
        "dense constraint that is no reference",
        lambda: po.nearly_sparse(DISC, order=1, dense=["a"]),
        SparsityError,
        "'a' names no constraint; give the index of an inequality",
    ),
    (
        "dense constraint of degree 4",
        lambda: po.nearly_sparse(
            po.minimize(X[0], [X[0] ** 4 + X[1] ** 4 <= 1]), order=2, dense=[0]
        ),
        RelaxationError,
        "inequality 0 is dense and has degree 4; a dense constraint must have degree at most 2",
    ),
    (
        "uncovered monomial of high degree",
        lambda: po.nearly_sparse(
            po.minimize(X[0] * X[1] * X[2]), order=2, cliques=[[0, 1], [1, 2]]
        ),
        RelaxationError,
        "the monomial x0*x1*x2 of the objective has degree 3 and lies in no clique",
    ),
]

SOLVING: list[Case] = [
    (
        "unknown solver",
        lambda: relaxed().solve("clarabell"),
        SolverUnavailableError,
        "there is no solver 'clarabell'. Did you mean 'clarabel'",
    ),
    (
        "unknown form",
        lambda: relaxed().solve(form="dual"),  # type: ignore[arg-type]
        UnknownOptionError,
        'the form is \'dual\'; it must be "moment" or "sos"',
    ),
    (
        "unknown option of a solver",
        lambda: relaxed().solve("clarabel", options={"max_iters": 3}),
        UnknownOptionError,
        "solver 'clarabel' has no option 'max_iters'. Did you mean 'max_iter'?",
    ),
    (
        "option of a wrong type",
        lambda: relaxed().solve("clarabel", options={"max_iter": "3"}),
        UnknownOptionError,
        "option 'max_iter' of solver 'clarabel' must be of type int, got '3'",
    ),
    (
        "tolerance zero",
        lambda: relaxed().solve(tolerance=0.0),
        UnknownOptionError,
        "tolerance must be between 0 and 1, got 0.0",
    ),
    (
        "negative time limit",
        lambda: relaxed().solve(time_limit=-1.0),
        UnknownOptionError,
        "time_limit must be a positive number of seconds or None, got -1.0",
    ),
    (
        "no threads",
        lambda: relaxed().solve(threads=0),
        UnknownOptionError,
        "threads must be a positive integer or None, got 0",
    ),
    (
        "memory limit that is no number",
        lambda: relaxed().solve(memory_limit="lots"),  # type: ignore[arg-type]
        UnknownOptionError,
        "memory_limit is 'lots'; it must be a positive number of bytes",
    ),
    (
        "relaxation too large for the limit",
        lambda: po.putinar(large(), order=2).solve(memory_limit=1e6),
        MemoryEstimateError,
        "but the limit is 1 MB (1 PSD blocks, largest 1891×1891, at most 1788886 moments). Lower "
        "the order, use sparsity",
    ),
    (
        "relaxation too large for any machine",
        lambda: po.putinar(large(), order=4).program(),
        MemoryEstimateError,
        "assembling the data of this relaxation is estimated to need 21 TB",
    ),
    (
        "polynomial without moments",
        lambda: relaxed().solve().moments(DISC.objective**2),
        RelaxationError,
        "is covered by no multiplier",
    ),
    (
        "box with ends exchanged",
        lambda: relaxed().solve().prove(box=(1.0, 0.0)),
        ProofError,
        "box has lower end 1 above upper end 0 for x0",
    ),
    (
        "box of a wrong shape",
        lambda: relaxed().solve().prove(box=([0, 0, 0], [1, 1, 1])),
        ProofError,
        "box must be a pair (lower, upper) of numbers or arrays of shape (2,)",
    ),
    (
        "box with NaN",
        lambda: relaxed().solve().prove(box=(np.nan, 1.0)),
        ProofError,
        "box contains NaN; give numbers, or inf where nothing is known",
    ),
    (
        "unknown proof method",
        lambda: relaxed().solve().prove(method="magic"),  # type: ignore[arg-type]
        UnknownOptionError,
        "the proof method is 'magic'; known methods:",
    ),
    (
        "no box",
        unbounded_box,
        ProofError,
        "the constraints show no finite range for x0; give box=(lower, upper)",
    ),
    ("no proof file", lambda: po.load_proof(__file__), FormatError, "is not a proof file"),
    (
        "unknown problem of the library",
        lambda: problems.get("motzkim"),
        UnknownOptionError,
        "there is no problem 'motzkim'; did you mean motzkin",
    ),
    (
        "size that a problem does not have",
        lambda: problems.chained_singular(6),
        UnknownOptionError,
        "chained_singular needs a multiple of 4 that is at least 4 for its size, got 6",
    ),
]
