"""Test problems of the low-rank solver: one-layer Lipschitz relaxations, MaxCut, random nets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from polyopt.solvers.lowrank import (
    AffineForms,
    BilinearOperator,
    FirstOrderModel,
    GridFamily,
    MatrixOperator,
    ProductFamily,
)

EPS = np.finfo(float).eps


def linear_layers(seed: int, sizes: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of linear layers in the default initialisation U(±1/sqrt(fan_in)).

    Single-precision numbers from the low 24 bits of the 32-bit words of the Mersenne twister.
    """
    state = np.random.RandomState(seed)

    def uniform(count: int, bound: float) -> np.ndarray:
        words = state.randint(0, 2**32, size=count, dtype=np.uint32)
        unit = (words & 0xFFFFFF).astype(np.float32) * np.float32(2.0**-24)
        return (unit * np.float32(2 * bound) - np.float32(bound)).astype(float)

    layers = []
    for fan_in, fan_out in pairwise(sizes):
        bound = 1.0 / np.sqrt(fan_in)
        weight = uniform(fan_in * fan_out, bound).reshape(fan_out, fan_in)
        layers.append((weight, uniform(fan_out, bound)))
    return layers


@dataclass(frozen=True)
class OneLayer:
    """``c · relu(A x + b)`` around a centre."""

    A: np.ndarray
    b: np.ndarray
    c: np.ndarray
    center: np.ndarray


def random_net(p: int, sparsity: int, seed: int) -> OneLayer:
    """The (p, p, 1) net of a seed, hidden weights on a band."""
    (A, b), (c, _) = linear_layers(seed, [p, p, 1])
    row, column = np.indices(A.shape)
    center = np.random.RandomState(seed).rand(p)
    return OneLayer(A * (2 * abs(row - column) <= sparsity - 1), b, c[-1], center)


def load_net(path: Path) -> OneLayer:
    """A net stored as A, b, c, x0."""
    with np.load(path) as data:
        return OneLayer(*(np.asarray(data[k], dtype=float) for k in ("A", "b", "c", "x0")))


@dataclass(frozen=True)
class LipschitzModel:
    """The model with its row numbers: row 0, t, s = 2u − 1 of the unstable neurons, box rows ξ."""

    model: FirstOrderModel
    t_rows: np.ndarray
    s_rows: np.ndarray
    x_rows: np.ndarray


def lipschitz_model(
    net: OneLayer,
    radius: float,
    *,
    cuts: bool = False,
    x_t: bool = False,
    grid: bool = False,
    x_u: bool = False,
) -> LipschitzModel:
    """The relaxation of ``max t' A' diag(u) c`` over the box of a radius around the centre.

    Parameters
    ----------
    cuts : bool
        Five inequalities per unstable neuron that tie u to ``z = A x + b`` (exact projection of the
        order-2 cliques {u, z}); x enters as box rows.
    x_t : bool
        McCormick inequalities of the pairs (x_i, t_i).
    grid : bool
        McCormick inequalities of all pairs (t_i, u_j).
    x_u : bool
        McCormick inequalities of all pairs (x_i, u_j).
    """
    A, b, c = net.A, net.b, net.c
    n = A.shape[1]
    middle = A @ net.center + b
    reach = np.abs(A).sum(axis=1) * radius
    error = EPS * (n + 4) * (np.abs(A) @ (np.abs(net.center) + radius) + np.abs(b))
    low, high = middle - reach - error, middle + reach + error
    unstable = np.flatnonzero((low < 0) & (high > 0))
    active = np.flatnonzero(low >= 0)
    k = len(unstable)
    t_rows, s_rows = 1 + np.arange(n), 1 + n + np.arange(k)
    x_rows = 1 + n + k + np.arange(n) if cuts or x_t or x_u else np.empty(0, dtype=int)
    side = 1 + n + k + len(x_rows)

    used = np.concatenate([unstable, active])
    weights = np.concatenate([0.5 * c[unstable], c[active]])
    column = A[used].T @ weights
    rounding = EPS * (len(used) + 2) * float(np.sum(np.abs(A[used].T) @ np.abs(weights)))
    objective = (
        BilinearOperator(t_rows, s_rows, A[unstable].T.copy(), 0.5 * c[unstable]),
        BilinearOperator(t_rows, np.array([0]), column[:, None], np.ones(1)),
    )
    signs = np.ones(side, dtype=bool)
    signs[x_rows] = False
    families: list[ProductFamily | GridFamily] = []
    if cuts and k:
        families.append(
            _neuron_cuts(
                radius * A[unstable],
                middle[unstable],
                low[unstable],
                high[unstable],
                2 * error[unstable],
                (s_rows, x_rows, side),
            )
        )
    if x_t:
        families.append(_pair_products(x_rows, t_rows, side))
    if grid:
        families.append(GridFamily(t_rows, s_rows))
    if x_u:
        families.append(GridFamily(x_rows, s_rows))
    model = FirstOrderModel(side, objective, rounding, tuple(families), signs)
    return LipschitzModel(model, t_rows, s_rows, x_rows)


def _neuron_cuts(A, middle, low, high, error, rows) -> ProductFamily:
    """``uz, −(1−u)z, u(h−z), (1−u)(z−l), z(hu + l(1−u) − z) ≥ 0`` with ``z = A ξ + middle``."""
    s_rows, x_rows, side = rows
    k = len(middle)
    number = np.arange(k)

    def form(constant, s, z):
        out = sp.coo_array(
            (
                np.concatenate([np.broadcast_to(v, k) for v in (constant, s, z)]).astype(float),
                (np.tile(number, 3), np.concatenate([0 * number, s_rows, side + number])),
            ),
            shape=(k, side + k),
        ).tocsr()
        out.eliminate_zeros()
        return out

    u, v, z = form(0.5, 0.5, 0.0), form(0.5, -0.5, 0.0), form(0.0, 0.0, 1.0)
    left = sp.vstack([u, v, u, v, z])
    right = sp.vstack(
        [
            z,
            form(0.0, 0.0, -1.0),
            form(high, 0.0, -1.0),
            form(-low, 0.0, 1.0),
            form(0.5 * (high + low), 0.5 * (high - low), -1.0),
        ]
    )
    size = np.maximum(-low, high)
    slack = np.concatenate([np.tile(error, 4), 8 * error * (size + error)])
    slack += 8 * EPS * np.concatenate([np.zeros(4 * k), size * size])
    return ProductFamily(
        sp.csr_array(left), sp.csr_array(right), AffineForms(x_rows, A, middle), slack=slack
    ).scaled()


def _pair_products(first: np.ndarray, second: np.ndarray, side: int) -> ProductFamily:
    """``(1 ± x_i)(1 ± t_i) ≥ 0``."""
    k = len(first)

    def stack(rows: np.ndarray, signs: list[float]) -> sp.csr_array:
        parts = []
        for sign in signs:
            part = sp.lil_array((k, side))
            part[:, 0] = 1.0
            part[np.arange(k), rows] = sign
            parts.append(part)
        return sp.csr_array(sp.vstack(parts))

    return ProductFamily(stack(first, [1, 1, -1, -1]), stack(second, [1, -1, 1, -1]))


def maxcut_model(weights: sp.csr_array) -> FirstOrderModel:
    """Shor's relaxation of MaxCut: ``max ¼ ⟨L, X⟩``."""
    total = float(weights.sum()) / 4
    return FirstOrderModel(
        weights.shape[0], (MatrixOperator(sp.csr_array(-0.25 * weights)),), total
    )


def toroidal_grid(rows: int, columns: int, seed: int) -> sp.csr_array:
    """A toroidal grid with ±1 weights."""
    rng = np.random.default_rng(seed)
    node = np.arange(rows * columns).reshape(rows, columns)
    tails = np.concatenate([node.ravel(), node.ravel()])
    heads = np.concatenate([np.roll(node, -1, 1).ravel(), np.roll(node, -1, 0).ravel()])
    weight = rng.choice([-1.0, 1.0], size=len(tails))
    half = sp.csr_array((weight, (tails, heads)), shape=(node.size, node.size))
    return sp.csr_array(half + half.T)


def random_graph(nodes: int, density: float, seed: int, *, signed: bool = False) -> sp.csr_array:
    """A random graph of given density, weights 1 or ±1."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(nodes, 1)
    keep = rng.random(len(i)) < density
    weight = rng.choice([-1.0, 1.0], size=keep.sum()) if signed else np.ones(keep.sum())
    half = sp.csr_array((weight, (i[keep], j[keep])), shape=(nodes, nodes))
    return sp.csr_array(half + half.T)
