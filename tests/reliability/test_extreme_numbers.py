"""Numbers at the ends of the floating-point range: no proof may rest on what they hide."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import ProofError, ProofRejectedError
from polyopt.proof.box import Box, find_box
from polyopt.proof.certificate import SosCertificate
from polyopt.proof.proven_bound import ProvenBound
from polyopt.proof.remainder import monomial_ranges
from polyopt.relaxation.complement import range_above


def disk() -> tuple[po.PolynomialProblem, ProvenBound]:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    return problem, po.putinar(problem, order=1).solve().prove()


@pytest.mark.parametrize("source", ["constraints", "user"])
@pytest.mark.parametrize("end", ["lower", "upper"])
def test_box_with_nan_proves_nothing(source: str, end: str) -> None:
    """Comparisons with NaN are false, so that a box of NaN once passed every one of them."""
    problem, proof = disk()
    ends = {"lower": proof.box.lower.copy(), "upper": proof.box.upper.copy()}
    ends[end][0] = np.nan
    forged = dataclasses.replace(proof, bound=-0.1, box=Box(**ends, source=source))
    with pytest.raises(ProofRejectedError, match="NaN"):
        forged.check(problem)


def test_box_with_nan_is_refused_by_the_reader(tmp_path: Path) -> None:
    _, proof = disk()
    box = Box(np.full(2, np.nan), proof.box.upper, "constraints")
    dataclasses.replace(proof, box=box).save(tmp_path / "forged.proof")
    with pytest.raises(po.errors.FormatError, match="NaN"):
        po.load_proof(tmp_path / "forged.proof")


def test_claim_of_nan_is_refused() -> None:
    problem, proof = disk()
    with pytest.raises(ProofRejectedError, match="claims"):
        dataclasses.replace(proof, bound=float("nan")).check(problem)


def test_underflow_before_large_factors() -> None:
    """|x| <= 1e-200 and |z| <= 1e300: x² z² reaches 1e200, though x² alone underflows."""
    x, z = po.variables("x z")
    problem = po.minimize(-(x**2) * z**2)
    box = Box(np.array([-1e-200, -1e300]), np.array([1e-200, 1e300]), "user")
    nothing = SosCertificate(problem.variables.names, "min", 0.0, ())
    with pytest.raises((ProofRejectedError, ProofError)):
        ProvenBound(-1.0, "proven", nothing, box).check(problem)


RANGES = [1e-320, 1e-200, 1e-150, 1e-80, 1e-9, 1.0, 1e9, 1e80, 1e150, 1e200, 1e300]


@pytest.mark.parametrize("seed", range(60))
def test_ranges_of_monomials_cover_exact_products(seed: int) -> None:
    """Against rational arithmetic, for ends of every size."""
    rng = np.random.default_rng(seed)
    n, width = 3, int(rng.integers(1, 6))
    upper = rng.choice(RANGES, n)
    box = Box(np.where(rng.random(n) < 0.3, 0.0, -upper), upper, "user")
    rows = np.sort(rng.integers(0, n + 1, (8, width)), axis=1).astype(np.int32)
    size, _ = monomial_ranges(rows, box)
    coefficients = rng.choice([1.0, -1.0, 1e-90, -1e90], len(rows))
    polynomial = po.Polynomial(po.Variables("abc"), rows, coefficients)
    above = range_above(polynomial, box)
    exact = [Fraction(1)] * len(rows)
    for k, row in enumerate(rows):
        for i in row[row > 0]:
            exact[k] *= Fraction(float(upper[i - 1]))
        assert size[k] == np.inf or Fraction(float(size[k])) >= exact[k]
    # The value at the upper corner, a point of the box.
    value = sum(
        (Fraction(float(c)) * e for c, e in zip(coefficients, exact, strict=True)), Fraction(0)
    )
    assert above == np.inf or Fraction(above) >= value


@pytest.mark.parametrize("big", [1e100, 1e155, 1e300, 1.7e308])
def test_box_of_constraints_with_huge_coefficients(big: float) -> None:
    """Nothing overflows into an error or into an empty range."""
    x, z = po.variables("x z")
    for constraints in (
        [x <= big, x >= -big, x + z <= big, x + z >= -big],
        [x**2 - big * x <= big],
        [big * x**2 + big * z**2 <= 1],
        [x**4 <= big, z >= 1 / big],
        [x**2 <= 1 / big, x + z == 1 / big],
    ):
        box = find_box(po.minimize(x + z, subject_to=constraints))
        assert not np.isnan(box.lower).any()
        assert not np.isnan(box.upper).any()
        assert (box.lower < np.inf).all()
        assert (box.upper > -np.inf).all()


@pytest.mark.parametrize("tiny", [1e-100, 1e-200, 5e-324])
def test_affine_ranges_keep_products_that_underflow(tiny: float) -> None:
    """``y <= t x`` and ``x <= t`` allow y = t², which has no floating-point number above 0."""
    x, y = po.variables("x y")
    box = find_box(po.minimize(-y, subject_to=[x >= 0, x <= tiny, y >= 0, y <= tiny * x]))
    assert Fraction(float(box.upper[1])) >= Fraction(tiny) ** 2
