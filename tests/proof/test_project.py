"""Moving multipliers onto the identity: both projectors, and proofs from rough multipliers."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt.proof import project


def relaxation(n: int = 6) -> po.Relaxation:
    rng = np.random.default_rng(4)
    x = po.variables("x", n)
    pairs = [(i, j) for i in range(n) for j in range(i + 1)]

    def form() -> po.Polynomial:
        values = rng.standard_normal(len(pairs)).tolist()
        return po.sum_polynomials(v * x[i] * x[j] for v, (i, j) in zip(values, pairs, strict=True))

    return po.shor(
        po.maximize(form(), subject_to=[*(v**2 <= 1 for v in x), form() <= 0, form() == 1])
    )


@pytest.mark.parametrize("limit", [2e7, -1e9])
def test_projectors_reach_the_identity(limit, monkeypatch):
    monkeypatch.setattr(project, "_LARGEST_GRAM", limit)
    program = relaxation().program()
    z = np.random.default_rng(0).standard_normal(program.number_of_rows)
    fitted = project.identity_projector(program)(z)
    assert np.abs(program.A.T @ fitted + program.c).max() <= 1e-12
    scalar = program.cones.zero + program.cones.nonnegative
    # Without the Gram matrix of all rows the multipliers of constraints stay where they are.
    assert np.array_equal(fitted[:scalar], z[:scalar]) == (limit < 0)


def test_proof_from_entries_alone_is_close(monkeypatch):
    monkeypatch.setattr(project, "_LARGEST_GRAM", -1e9)
    result = relaxation().solve(solver="clarabel")
    proof = result.prove()
    assert result.bound - 1e-6 <= proof.bound <= result.bound + 1e-5
