"""The library of problems: registry, sources, sizes, and construction that scales."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import fsolve

import polyopt as po
from polyopt import problems
from polyopt.problems import NamedProblem
from polyopt.problems.templates import copies, names

KINDS = {
    "unconstrained",
    "scalable",
    "constrained",
    "globallib",
    "binary",
    "matrix",
    "sparse",
    "nearly_sparse",
    "pathological",
}


def test_every_problem_is_exported_and_complete() -> None:
    found = problems.names()
    assert len(found) >= 60
    assert found == sorted(found)
    for name in found:
        assert name in problems.__all__
        assert getattr(problems, name).__doc__
        problem = problems.get(name)
        assert problem.name == name
        assert len(problem.source) > 8
        assert problem.tags[0] in KINDS
        assert isinstance(problem, po.PolynomialProblem)
        assert problem.minimizers.shape[1:] == (problem.number_of_variables,)
        infinite = problem.optimum is not None and np.isinf(problem.optimum)
        assert infinite == (problem.status is not po.Status.OPTIMAL)
        assert name in repr(problem)


def test_tags_select() -> None:
    infeasible = problems.all_problems(tag="infeasible")
    assert len(infeasible) >= 4
    for problem in problems.all_problems():
        named = [p.name for p in infeasible]
        assert ("infeasible" in problem.tags) == (problem.name in named)


def test_arguments_are_passed_on() -> None:
    assert problems.get("rosenbrock", 7).number_of_variables == 7
    assert problems.get("maxcut", graph=nx.complete_graph(4)).optimum == 4.0
    assert problems.get("binary_quadratic", 5, seed=3).optimum is not None


def test_the_plain_problem_is_a_copy_without_answer() -> None:
    problem = problems.maxcut()
    plain = problem.problem
    assert type(plain) is po.PolynomialProblem
    assert plain.sense == "max"
    assert plain.objective.equals(problem.objective)
    assert len(plain.equalities) == 5


def rosenbrock(x: np.ndarray) -> float:
    return 1 + float(sum(100 * (b - a**2) ** 2 + (1 - b) ** 2 for a, b in pairwise(x)))


def chained_singular(x: np.ndarray) -> float:
    total = 0.0
    for i in range(0, len(x) - 3, 2):
        total += (x[i] + 10 * x[i + 1]) ** 2 + 5 * (x[i + 2] - x[i + 3]) ** 2
        total += (x[i + 1] - 2 * x[i + 2]) ** 4 + 10 * (x[i] - 10 * x[i + 3]) ** 4
    return total


def chained_wood(x: np.ndarray) -> float:
    total = 1.0
    for i in range(0, len(x) - 3, 2):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        total += 90 * (x[i + 3] - x[i + 2] ** 2) ** 2 + (1 - x[i + 2]) ** 2
        total += 10 * (x[i + 1] + x[i + 3] - 2) ** 2 + 0.1 * (x[i + 1] - x[i + 3]) ** 2
    return total


def tridiagonal(x: np.ndarray) -> np.ndarray:
    padded = np.concatenate([[0.0], x, [0.0]])
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def banded(x: np.ndarray) -> np.ndarray:
    n = len(x)
    result = np.empty(n)
    for i in range(n):
        others = [j for j in range(max(0, i - 5), min(n, i + 2)) if j != i]
        result[i] = x[i] * (2 + 5 * x[i] ** 2) + 1 - sum((1 + x[j]) * x[j] for j in others)
    return result


def boundary_value(x: np.ndarray) -> np.ndarray:
    h = 1.0 / (len(x) + 1)
    t = h * np.arange(1, len(x) + 1)
    padded = np.concatenate([[0.0], x, [0.0]])
    return 2 * x - padded[:-2] - padded[2:] + h**2 * (x + t + 1) ** 3 / 2


FORMULAS = {
    "rosenbrock": rosenbrock,
    "chained_singular": chained_singular,
    "chained_wood": chained_wood,
    "broyden_tridiagonal": lambda x: float((tridiagonal(x) ** 2).sum()),
    "broyden_banded": lambda x: float((banded(x) ** 2).sum()),
    "discrete_boundary_value": lambda x: float((boundary_value(x) ** 2).sum()),
    "quartic_chain": lambda x: float(((x[:-2] + x[1:-1] + x[2:]) ** 4).sum()),
    "arrow_quartic": lambda x: float(((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4 * x[:-1] + 3).sum()),
    "liarwhd": lambda x: float((4 * (x**2 - x[0]) ** 2 + (x - 1) ** 2).sum()),
    "nondquar": lambda x: float(
        (x[0] - x[1]) ** 2 + (x[-2] + x[-1]) ** 2 + ((x[:-2] + x[1:-1] + x[-1]) ** 4).sum()
    ),
    "dixon_price": lambda x: float(
        (x[0] - 1) ** 2 + (np.arange(2, len(x) + 1) * (2 * x[1:] ** 2 - x[:-1]) ** 2).sum()
    ),
    "styblinski_tang": lambda x: float((x**4 - 16 * x**2 + 5 * x).sum() / 2),
}


@pytest.mark.parametrize("n", [4, 8, 16])
@pytest.mark.parametrize("name", FORMULAS)
def test_scalable_problems_are_their_formulas(name: str, n: int) -> None:
    problem = problems.get(name, n)
    for x in np.random.default_rng(n).uniform(-1.5, 1.5, (3, n)):
        assert problem.evaluate(x) == pytest.approx(FORMULAS[name](x), rel=1e-10)


@pytest.mark.parametrize(
    ("name", "residual"),
    [
        ("broyden_tridiagonal", tridiagonal),
        ("broyden_banded", banded),
        ("discrete_boundary_value", boundary_value),
    ],
)
def test_systems_of_equations_have_a_root_in_the_box(name: str, residual: object) -> None:
    problem = problems.get(name, 12)
    start = np.full(12, -0.5) if name != "discrete_boundary_value" else np.zeros(12)
    root = fsolve(residual, start, xtol=1e-13)
    assert problem.evaluate(root) == pytest.approx(0.0, abs=1e-12)
    assert problem.box is not None
    assert (np.abs(root) <= problem.box[1]).all()


@pytest.mark.parametrize("name", ["rosenbrock", "broyden_tridiagonal", "chained_wood"])
def test_large_problems_have_the_sparsity_of_small_ones(name: str) -> None:
    problem = problems.get(name, 5000)
    pattern = po.correlative_sparsity(problem)
    small = po.correlative_sparsity(problems.get(name, 20))
    assert max(map(len, pattern.cliques)) == max(map(len, small.cliques))
    assert pattern.running_intersection


def test_random_problems_are_the_same_every_time() -> None:
    first, second = problems.sensor_network(4, seed=5), problems.sensor_network(4, seed=5)
    assert first.objective.equals(second.objective)
    np.testing.assert_array_equal(first.minimizers, second.minimizers)


def test_the_random_quartic_follows_its_recipe() -> None:
    """Coefficients in the order of the stated generator, checked for two variables by hand."""
    generator = Random(0)
    numbers = [generator.uniform(-1, 1) for _ in range(15)]
    x, y = po.variables("x", 2)
    monomials = [x**0, x, y, x**2, x * y, y**2, x**3, x**2 * y, x * y**2, y**3]
    monomials += [x**4, x**3 * y, x**2 * y**2, x * y**3, y**4]
    expected = po.sum_polynomials(c * m for c, m in zip(numbers, monomials, strict=True))
    assert problems.random_quartic_ball(2).objective.equals(expected)


def test_maxcut_counts_cut_edges() -> None:
    graph = nx.gnp_random_graph(7, 0.5, seed=2)
    problem = problems.maxcut(graph)
    best = 0
    for mask in range(2**6):
        side = [(mask >> i) & 1 for i in range(7)]
        best = max(best, sum(side[a] != side[b] for a, b in graph.edges))
    assert problem.optimum == best


def test_copies_with_no_copy_and_with_constants() -> None:
    assert copies(lambda x: x[0], np.zeros((0, 1)), names(2)).number_of_terms == 0
    assert copies(lambda x: 2.0, [[0], [1]], names(2)).equals(4.0)
    assert copies(lambda x: 0.0, [[0], [1]], names(2)).equals(0.0)


def test_unusual_graphs_are_taken() -> None:
    path = nx.relabel_nodes(nx.path_graph(4), {0: "a", 1: "b", 2: "c", 3: "d"})
    assert problems.stable_set(path).optimum == 2.0
    assert problems.maxcut(nx.empty_graph(3)).optimum == 0.0
    large = problems.maxcut(nx.cycle_graph(40))
    assert large.optimum is None
    assert "unknown" in repr(large)


def test_named_problem_keeps_what_it_is_given() -> None:
    x = po.variables("x", 1)[0]
    problem = NamedProblem(po.minimize(x**2), source="elementary", optimum=0.0, box=(-1.0, 1.0))
    assert problem.box is not None
    np.testing.assert_array_equal(problem.box, [[-1.0], [1.0]])
    assert problem.minimizers.shape == (0, 1)
