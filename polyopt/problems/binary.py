"""Combinatorial problems with ``x² = 1`` or ``x² = x``; optima by enumeration or by theorems.

References
----------
- M. X. Goemans, D. P. Williamson. Improved approximation algorithms for maximum cut. J. ACM
  42 (1995).
- M. Laurent. Lower bound for the number of iterations in semidefinite hierarchies for the
  cut polytope. Math. Oper. Res. 28 (2003).
- L. Lovász. On the Shannon capacity of a graph. IEEE Trans. Inform. Theory 25 (1979).
"""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.polynomial import Polynomial, quadratic
from polyopt.polynomial.arrays import variables
from polyopt.problem import PolynomialProblem, maximize, minimize
from polyopt.problems.named_problem import KnownBound, NamedProblem, known_problem, require_size
from polyopt.problems.templates import copies, linear_sum, names

_LARGEST_ENUMERATION = 16


def _sign_vectors(n: int) -> NDArray[np.float64]:
    """All vectors of signs whose first entry is 1, shape (2^(n-1), n)."""
    rest = np.array(list(product((1.0, -1.0), repeat=n - 1))).reshape(-1, n - 1)
    return np.column_stack([np.ones(len(rest)), rest])


def _best(
    objective: Polynomial, points: NDArray[np.float64], largest: bool
) -> tuple[float, NDArray[np.float64]]:
    values = objective(points)
    value = float(values.max() if largest else values.min())
    return value, points[np.abs(values - value) <= 1e-12 * max(1.0, abs(value))]


def _signs(x: list[Polynomial]) -> list[Polynomial]:
    return [v**2 - 1 for v in x]


def maxcut_problem(graph: nx.Graph) -> PolynomialProblem:
    """State the maximum cut of a weighted graph: ``max Σ w_ij (1 - x_i x_j) / 2``, ``x² = 1``.

    Parameters
    ----------
    graph : networkx.Graph
        Edge attribute ``weight``, 1 where missing; nodes in sorted order become x0, x1, ….
    """
    nodes = sorted(graph.nodes)
    place = {node: i for i, node in enumerate(nodes)}
    v = names(len(nodes))
    edges = np.array([[place[a], place[b]] for a, b in graph.edges]).reshape(-1, 2)
    weights = [float(data.get("weight", 1.0)) for _, _, data in graph.edges(data=True)]
    cut = copies(lambda y: y[2] * (1 - y[0] * y[1]) / 2, edges, v, weights)
    return PolynomialProblem(
        cut, equalities=_signs(variables("x", len(nodes))), variables=v, sense="max"
    )


@known_problem("binary")
def maxcut(graph: nx.Graph | None = None) -> NamedProblem:
    """Maximum cut; the 5-cycle when no graph is given.

    Parameters
    ----------
    graph : networkx.Graph, optional
        With at most 16 nodes the optimum is found by enumeration, else it stays unknown.
    """
    chosen = nx.cycle_graph(5) if graph is None else graph
    problem = maxcut_problem(chosen)
    n = problem.number_of_variables
    optimum, points = None, None
    if n <= _LARGEST_ENUMERATION:
        optimum, points = _best(problem.objective, _sign_vectors(n), True)
    bounds: tuple[KnownBound, ...] = ()
    if graph is None:
        # 5 (1 + cos(π / 5)) / 2, Goemans, Williamson, J. ACM 42 (1995).
        bounds = (KnownBound(1, 2.5 * (1.0 + float(np.cos(np.pi / 5)))),)
    return NamedProblem(
        problem,
        source="Goemans, Williamson, J. ACM 42 (1995); optimum by enumeration",
        optimum=optimum,
        minimizers=points,
        exact_order=2 if graph is None else None,
        bounds=bounds,
    )


@known_problem("binary")
def maxcut_petersen() -> NamedProblem:
    """Maximum cut of the Petersen graph: 12; order 1 gives 12.5."""
    problem = maxcut(nx.petersen_graph())
    return NamedProblem(
        problem,
        source="Goemans, Williamson, J. ACM 42 (1995); order 1 is n/4 times the largest "
        "eigenvalue 5 of the Laplacian, which is exact for vertex-transitive graphs",
        optimum=12.0,
        minimizers=problem.minimizers,
        exact_order=2,
        bounds=[KnownBound(1, 12.5)],
    )


@known_problem("binary")
def maxcut_complete(n: int = 5) -> NamedProblem:
    """Maximum cut of an odd complete graph: (n² - 1)/4; low orders only give n²/4."""
    size = require_size("maxcut_complete", n, 3)
    problem = maxcut(nx.complete_graph(size))
    # Orders below n/2 cannot see the parity of n.
    bounds = [KnownBound(k, size**2 / 4) for k in range(1, (size - 1) // 2 + 1)]
    return NamedProblem(
        problem,
        source="Laurent, Math. Oper. Res. 28 (2003)",
        optimum=float(size**2 // 4),
        minimizers=problem.minimizers,
        exact_order=(size + 1) // 2,
        bounds=bounds if size % 2 else [],
    )


@known_problem("binary")
def odd_parity() -> NamedProblem:
    """``(1 + Σ x_i)²`` over four signs: five odd numbers never add up to zero, optimum 1."""
    v = names(4)
    x = variables("x", 4)
    f = (linear_sum(v) + 1) ** 2
    _, points = _best(f, np.array(list(product((1.0, -1.0), repeat=4))), False)
    return NamedProblem(
        PolynomialProblem(f, equalities=_signs(x), variables=v),
        source="Laurent, Math. Oper. Res. 28 (2003)",
        optimum=1.0,
        minimizers=points,
        exact_order=3,
        bounds=[KnownBound(1, 0.0), KnownBound(2, 0.0)],
    )


@known_problem("binary")
def stable_set(graph: nx.Graph | None = None) -> NamedProblem:
    """Largest stable set: ``max Σ x``, ``x² = x``, ``x_i x_j = 0`` on edges.

    Order 1 is Lovász's theta number: √5 for the 5-cycle, whose answer is 2.

    Parameters
    ----------
    graph : networkx.Graph, optional
        The 5-cycle when left out.
    """
    chosen = nx.cycle_graph(5) if graph is None else graph
    nodes = sorted(chosen.nodes)
    place = {node: i for i, node in enumerate(nodes)}
    x = variables("x", len(nodes))
    best = max(nx.find_cliques(nx.complement(chosen)), key=len)
    point = np.zeros(len(nodes))
    point[[place[node] for node in best]] = 1.0
    equalities = [t**2 - t for t in x] + [x[place[a]] * x[place[b]] for a, b in chosen.edges]
    return NamedProblem(
        maximize(linear_sum(names(len(nodes))), [h == 0 for h in equalities]),
        source="Lovász, IEEE Trans. Inform. Theory 25 (1979)",
        optimum=float(len(best)),
        minimizers=point,
        exact_order=2 if graph is None else None,
        bounds=[KnownBound(1, float(np.sqrt(5.0)))] if graph is None else [],
    )


@known_problem("binary")
def stable_set_petersen() -> NamedProblem:
    """Largest stable set of the Petersen graph: 4, and so is its theta number."""
    problem = stable_set(nx.petersen_graph())
    return NamedProblem(
        problem,
        source="Lovász, IEEE Trans. Inform. Theory 25 (1979)",
        optimum=4.0,
        minimizers=problem.minimizers,
        exact_order=1,
    )


@known_problem("binary")
def grothendieck(matrix: ArrayLike | None = None) -> NamedProblem:
    """``max xᵀ A y`` over signs; the 2×2 Hadamard matrix when left out: 2, order 1 gives 2√2.

    Parameters
    ----------
    matrix : array of shape (p, q), optional
        With p + q at most 16 the optimum is found by enumeration.
    """
    A = np.array([[1.0, 1.0], [1.0, -1.0]]) if matrix is None else np.asarray(matrix, dtype=float)
    p, q = A.shape
    full = np.zeros((p + q, p + q))
    full[:p, p:] = A
    v = names(p + q)
    f = quadratic(full, variables=v)
    optimum, points = None, None
    if p + q <= _LARGEST_ENUMERATION:
        optimum, points = _best(f, _sign_vectors(p + q), True)
    bounds = [KnownBound(1, 2.0 * float(np.sqrt(2.0)))] if matrix is None else []
    return NamedProblem(
        PolynomialProblem(f, equalities=_signs(variables("x", p + q)), variables=v, sense="max"),
        source="B. S. Tsirelson. Quantum generalizations of Bell's inequality. Lett. Math. Phys."
        " 4 (1980); optimum by enumeration",
        optimum=optimum,
        minimizers=points,
        tags=("bilinear",),
        exact_order=2 if matrix is None else None,
        bounds=bounds,
    )


@known_problem("binary")
def number_partition(weights: ArrayLike = (5, 8, 13, 7, 4, 3)) -> NamedProblem:
    """``min (aᵀ x)²`` over signs; 0 when the numbers split evenly."""
    a = np.asarray(weights, dtype=float)
    v = names(len(a))
    f = linear_sum(v, a) ** 2
    optimum, points = _best(f, _sign_vectors(len(a)), False)
    return NamedProblem(
        PolynomialProblem(f, equalities=_signs(variables("x", len(a))), variables=v),
        source="elementary; optimum by enumeration",
        optimum=optimum,
        minimizers=points,
        exact_order=1 if optimum == 0 else None,
    )


@known_problem("binary")
def binary_quadratic(n: int = 8, seed: int = 0) -> NamedProblem:
    """``min xᵀ Q x`` over ``x² = x`` with integer entries of Q uniform in [-9, 9]."""
    size = require_size("binary_quadratic", n, 1)
    Q = np.random.default_rng(seed).integers(-9, 10, (size, size)).astype(float)
    v = names(size)
    x = variables("x", size)
    f = quadratic(np.triu(Q), variables=v)
    optimum, points = None, None
    if size <= _LARGEST_ENUMERATION:
        table = np.array(list(product((0.0, 1.0), repeat=size)))
        optimum, points = _best(f, table, False)
    return NamedProblem(
        minimize(f, [t**2 == t for t in x]),
        source="random; optimum by enumeration",
        optimum=optimum,
        minimizers=points,
        tags=("random",),
        exact_order=2 if (n, seed) == (8, 0) else None,
    )


@known_problem("binary")
def frustrated_ring(n: int = 9) -> NamedProblem:
    """Antiferromagnetic ring of spins: ``min Σ x_i x_{i+1}``; an odd ring leaves one bond unhappy.

    Cliques of three after chordal extension.
    """
    size = require_size("frustrated_ring", n, 3)
    v = names(size)
    index = np.column_stack([np.arange(size), (np.arange(size) + 1) % size])
    point = np.where(np.arange(size) % 2 == 0, 1.0, -1.0)
    return NamedProblem(
        PolynomialProblem(
            copies(lambda y: y[0] * y[1], index, v),
            equalities=_signs(variables("x", size)),
            variables=v,
        ),
        source="elementary; F. Barahona, A. R. Mahjoub. On the cut polytope. Math. Program. 36 "
        "(1986): cycle inequalities suffice",
        optimum=float(-size + 2 * (size % 2)),
        minimizers=[point, -point],
        tags=("sparse",),
        exact_order=2,
    )
