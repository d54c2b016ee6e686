"""Rank strategies, flat extensions, atoms and gluing."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import UnknownOptionError
from polyopt.extraction import (
    AbsoluteTolerance,
    Atoms,
    FixedRank,
    LargestGap,
    RankStrategy,
    RelativeTolerance,
    clique_atoms,
    flat_extension,
    glue,
    polish,
)
from polyopt.extraction.evaluation import Jacobian, Stacked
from polyopt.polynomial.basis import Basis
from polyopt.problems import get

VALUES = [3.0, 1.0, 1e-3, 2e-9, -1e-12]


@pytest.mark.parametrize(
    ("strategy", "rank"),
    [
        (FixedRank(4), 4),
        (FixedRank(9), 5),
        (AbsoluteTolerance(0.5), 2),
        (RelativeTolerance(1e-5), 3),
        (RelativeTolerance(0.1), 2),
        (LargestGap(), 3),
        (LargestGap(ceiling=0.5), 3),
    ],
    ids=str,
)
def test_rank_decisions(strategy: RankStrategy, rank: int) -> None:
    decision = strategy.decide(VALUES)
    assert decision.rank == rank
    assert decision.strategy == str(strategy)
    kept = sorted(VALUES, reverse=True)[:rank]
    assert min(kept) >= decision.tolerance or rank == len(VALUES)
    assert strategy.decide(VALUES[::-1]) == decision


def test_full_and_zero_rank() -> None:
    assert LargestGap().decide([1.0, 0.9]).rank == 2
    assert LargestGap().decide([0.0, 0.0]).rank == 0
    assert RelativeTolerance().decide([0.0]).rank == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FixedRank(0), "positive integer"),
        (lambda: RelativeTolerance(2.0), "at most 1"),
        (lambda: AbsoluteTolerance(-1.0), "must be positive"),
        (lambda: LargestGap(ceiling=0.0), "must be positive"),
        (lambda: LargestGap().decide([]), "at least one eigenvalue"),
        (lambda: LargestGap().decide([np.nan]), "without NaN"),
    ],
)
def test_bad_strategies(make: object, message: str) -> None:
    with pytest.raises(UnknownOptionError, match=message):
        make()  # type: ignore[operator]


def test_flat_and_not_flat() -> None:
    moments = po.putinar(get("six_hump_camel"), 3).solve().moments
    found = flat_extension(moments, (0, 1), 3, 1, LargestGap())
    assert found is not None
    assert found.is_flat
    assert found.lower.rank == found.upper.rank == 2
    shor = flat_extension(moments, (0, 1), 1, 1, LargestGap())
    assert shor is not None
    assert not shor.is_flat
    assert "!=" in str(shor)


def test_atoms_of_a_known_measure() -> None:
    """Moments made from points: the points come back with their weights."""

    class Exact:
        def matrix(self, variables: object, degree: int) -> np.ndarray:
            chosen = np.asarray(variables)
            rows = Basis.full(np.arange(len(chosen)), degree).rows
            padded = np.concatenate([np.ones((3, 1)), points[:, chosen]], axis=1)
            powers = padded[:, rows].prod(axis=2)
            return np.einsum("k,ki,kj->ij", weights, powers, powers)

    points = np.array([[1.0, 2.0], [-3.0, 0.5], [0.0, 4.0]])
    weights = np.array([0.5, 0.2, 0.3])
    exact = Exact()
    flat = flat_extension(exact, (0, 1), 3, 1, LargestGap())  # type: ignore[arg-type]
    assert flat is not None
    assert (flat.degree, flat.lower.rank) == (2, 3)
    atoms = clique_atoms(exact, (0, 1), 2, 3, np.random.default_rng(1))  # type: ignore[arg-type]
    assert atoms is not None
    order = np.argsort(-atoms.weights)
    assert atoms.points[order] == pytest.approx(points[[0, 2, 1]], abs=1e-8)
    assert atoms.weights[order] == pytest.approx([0.5, 0.3, 0.2], abs=1e-8)


def test_glue_follows_separators_and_keeps_a_limit() -> None:
    ends = np.array([[-1.0], [1.0]])
    half = np.array([0.5, 0.5])
    alone = [Atoms((i,), ends, half) for i in range(4)]
    assert len(glue(alone, 4, most=100)) == 16
    assert len(glue(alone, 4, most=5)) == 5
    pair = np.array([[-1.0, 1.0], [1.0, -1.0]])
    chain = [Atoms((i, i + 1), pair, half) for i in range(3)]
    assert sorted(glue(chain, 4).tolist()) == [[-1, 1, -1, 1], [1, -1, 1, -1]]


def test_derivatives_agree_with_differences(rng: np.random.Generator) -> None:
    x = po.variables("x", 3)
    polynomials = list(
        po.minimize(
            x[0], subject_to=[x[0] ** 3 * x[2] >= 1, x[1] * x[2] ** 2 - x[0] >= 0]
        ).inequalities
    )
    point = rng.standard_normal(3)
    values, jacobian = Stacked(polynomials), Jacobian(polynomials, 3)
    assert values(point) == pytest.approx([p(point) for p in polynomials])
    step = 1e-6 * np.eye(3)
    numeric = np.stack([(values(point + e) - values(point - e)) / 2e-6 for e in step], axis=1)
    assert jacobian.dense(point) == pytest.approx(numeric, abs=1e-7)
    assert jacobian(point).toarray() == pytest.approx(jacobian.dense(point))


def test_polish_never_gets_worse(rng: np.random.Generator) -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] ** 4 - x[1], subject_to=[x[0] * x[1] == 1, x[1] <= 2])
    for start in rng.standard_normal((5, 2)):
        point = polish(problem, start)
        assert problem.violation(point) <= problem.violation(start)
    assert polish(problem, [np.nan, np.inf]).shape == (2,)


def test_polish_many_variables() -> None:
    x = po.variables("x", 200)
    f = po.sum_polynomials((v - 1) ** 2 for v in x)
    assert polish(po.minimize(f), np.zeros(200)) == pytest.approx(np.ones(200), abs=1e-6)
    point = polish(po.minimize(f, subject_to=[x[0] + x[1] <= 1]), np.zeros(200))
    assert point[:3] == pytest.approx([0.5, 0.5, 1.0], abs=1e-3)
