"""Exact proofs that no point is feasible."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import pytest

import polyopt as po
from polyopt.errors import ProofError, ProofRejectedError, RelaxationError
from polyopt.problems import get
from polyopt.proof import ExactCertificate

EMPTY = ["contradicting_balls", "hyperbola_misses_disc", "imaginary_equation"]


@pytest.mark.parametrize("name", [*EMPTY, "odd_cycle_two_colours"])
def test_empty_sets(name: str, tmp_path: Path) -> None:
    problem = get(name)
    proof = po.prove_infeasible(problem)
    assert proof.bound == problem.sign * math.inf
    assert proof.kind == "exact"
    proof.save(tmp_path / "empty.proof")
    loaded = po.load_proof(tmp_path / "empty.proof")
    assert loaded.check(problem) is loaded
    assert str(loaded) == "no point is feasible, proven exactly"


def test_the_climb_attaches_the_proof() -> None:
    problem = get("hyperbola_misses_disc")
    solution = po.solve(problem)
    assert solution.status is po.Status.INFEASIBLE
    assert solution.bound_kind == "exact"
    assert solution.proof is not None
    assert solution.proof.check(problem).bound == solution.bound == math.inf
    assert "an exact identity shows it" in str(solution)


@pytest.mark.parametrize("name", ["trust_region", "six_hump_camel", "maxcut"])
def test_nonempty_sets_are_never_proven_empty(name: str) -> None:
    with pytest.raises(ProofError, match="no exact proof of infeasibility was found"):
        po.prove_infeasible(get(name), 2)


def test_spoilt_proofs_are_rejected() -> None:
    problem = get("hyperbola_misses_disc")
    proof = po.prove_infeasible(problem)
    certificate = proof.certificate
    assert isinstance(certificate, ExactCertificate)
    for value in (Fraction(0), Fraction(-1)):
        with pytest.raises(ProofRejectedError, match="needs a positive value"):
            replace(proof, certificate=replace(certificate, value=value)).check(problem)
    with pytest.raises(ProofRejectedError, match="the identity fails"):
        replace(proof, certificate=replace(certificate, terms=certificate.terms[:-1])).check(
            problem
        )
    with pytest.raises(ProofRejectedError):
        replace(proof, certificate=replace(certificate, is_infeasibility=False)).check(problem)
    feasible = get("trust_region")
    with pytest.raises(ProofRejectedError, match="for the variables"):
        proof.check(feasible)


def test_an_order_that_is_too_low() -> None:
    x = po.variables("x", 1)[0]
    problem = po.minimize(x, subject_to=[x**4 <= 1, x**2 >= 3])
    with pytest.raises(RelaxationError, match="order 1 is too low"):
        po.prove_infeasible(problem, 1)
    assert po.prove_infeasible(problem).check(problem).bound == math.inf


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("form", ["moment", "sos"])
def test_relaxations_without_points_name_the_way_to_a_proof(
    sense: str, form: Literal["moment", "sos"]
) -> None:
    x, y = po.variables("x y")
    state = po.minimize if sense == "min" else po.maximize
    problem = state(x + y, subject_to=[x**2 + y**2 <= 1, x * y >= 2])
    result = po.putinar(problem, order=1).solve(form=form)
    assert result.claims_infeasible
    assert "prove_infeasible(problem) may prove" in str(result)
    assert "prove() makes it" not in str(result)
    with pytest.raises(po.PolyoptError, match="prove_infeasible"):
        result.prove()
    assert po.prove_infeasible(problem).check(problem).kind == "exact"


def test_unbounded_relaxations_claim_nothing_about_points() -> None:
    x, y = po.variables("x y")
    result = po.putinar(po.minimize(x * y), order=1).solve()
    assert result.bound == -math.inf
    assert not result.claims_infeasible
    assert "prove" not in str(result).splitlines()[1]
