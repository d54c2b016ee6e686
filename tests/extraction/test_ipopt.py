"""Local search by IPOPT where CasADi is installed, and a clear message where it is not."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import SolverUnavailableError, UnknownOptionError
from polyopt.extraction import polish
from polyopt.extraction.ipopt import is_available

needs_casadi = pytest.mark.skipif(not is_available(), reason="CasADi is not installed")


@needs_casadi
@pytest.mark.parametrize("name", ["rosen_suzuki", "himmelblau", "ex3_1_3", "six_hump_camel"])
def test_ends_where_scipy_ends(name: str) -> None:
    named = po.problems.get(name)
    result = po.putinar(named.problem, max(2, po.minimal_order(named.problem))).solve()
    best = result.minimizers(polish="ipopt")[0]
    assert best.polished
    assert best.value == pytest.approx(result.minimizers()[0].value, abs=1e-6)
    assert best.violation <= 1e-7


@needs_casadi
def test_never_worse_than_the_start() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1, x[0] == 2 * x[1]])
    rng = np.random.default_rng(0)
    for start in rng.uniform(-1, 1, (4, 2)):
        point = polish(problem, start, method="ipopt")
        assert problem.violation(point) <= 1e-9
        # On the line x0 = 2 x1 the product is at least 0.
        assert problem.evaluate(point) == pytest.approx(0.0, abs=1e-6)


def test_missing_casadi_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyopt.extraction.ipopt.find_spec", lambda _: None)
    x = po.variables("x", 1)[0]
    result = po.putinar(po.minimize(x**2), 1).solve()
    with pytest.raises(SolverUnavailableError, match="pip install casadi"):
        result.minimizers(polish="ipopt")


def test_unknown_methods_are_refused() -> None:
    x = po.variables("x", 1)[0]
    with pytest.raises(UnknownOptionError, match='"scipy" or "ipopt"'):
        polish(po.minimize(x**2), [1.0], method="newton")  # type: ignore[arg-type]
