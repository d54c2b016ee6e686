r"""The first-order relaxation a low-rank solver works on.

``maximise ⟨C, X⟩ + constant`` over ``X ⪰ 0`` of side m, ``X_00 = 1``, ``X_ii = 1`` (rows of ``±1``
variables) or ``X_ii ≤ 1`` (rows of variables in ``[−1, 1]``), subject to families of linear
constraints. Row 0 stands for the constant 1, row i for variable i, ``X = L((1, x)(1, x)ᵀ)``.
Other ranges are scaled into this form: ``u ∈ {0, 1}`` is ``(1 + s)/2`` with ``s = ±1``, and
``|x| ≤ r`` is ``x = r ξ``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.families import ConstraintFamily
from polyopt.solvers.lowrank.operators import Floats, Rounding, SymmetricOperator


@dataclass(frozen=True, slots=True)
class FirstOrderModel:
    """Maximise a linear function of a first-order moment matrix with bounded diagonal.

    Attributes
    ----------
    side : int
        m, the number of variables plus one.
    objective : tuple of SymmetricOperator
        ``C`` is their sum.
    constant : float
        Added to the value.
    families : tuple of ConstraintFamily
        Linear constraints.
    sign_rows : (m,) bool array or None
        True where ``X_ii = 1``, False where ``X_ii ≤ 1``; None means True everywhere. Row 0 is
        True.

    Examples
    --------
    The 5-cycle MaxCut relaxation:

    >>> import numpy as np
    >>> from polyopt.solvers.lowrank import FirstOrderModel, MatrixOperator, solve_first_order
    >>> adjacency = np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)
    >>> model = FirstOrderModel(5, (MatrixOperator(-adjacency / 4),), constant=2.5)
    >>> print(model)
    first-order model: side 5, 5 sign rows, no constraints
    >>> round(solve_first_order(model).bound, 4)
    4.5225
    """

    side: int
    objective: tuple[SymmetricOperator, ...]
    constant: float = 0.0
    families: tuple[ConstraintFamily, ...] = ()
    sign_rows: npt.NDArray[np.bool_] | None = field(default=None)

    def __post_init__(self) -> None:
        if self.side < 1:
            raise InvalidProblemError(f"the side must be at least 1, got {self.side}")
        if self.sign_rows is not None:
            if self.sign_rows.shape != (self.side,):
                raise InvalidProblemError(
                    f"sign_rows has shape {self.sign_rows.shape}, expected ({self.side},)"
                )
            if not self.sign_rows[0]:
                raise InvalidProblemError("row 0 is the constant and must be a sign row")

    @property
    def signs(self) -> npt.NDArray[np.bool_]:
        """Rows with ``X_ii = 1``."""
        return np.ones(self.side, dtype=bool) if self.sign_rows is None else self.sign_rows

    @property
    def number_of_constraints(self) -> int:
        """Total over the families."""
        return sum(family.size for family in self.families)

    def with_families(self, *families: ConstraintFamily) -> FirstOrderModel:
        """Return the model with these families appended."""
        return FirstOrderModel(
            self.side,
            self.objective,
            self.constant,
            (*self.families, *families),
            self.sign_rows,
        )

    def cast(self, dtype: npt.DTypeLike) -> FirstOrderModel:
        """Return the model with its data in another precision, for the optimiser alone."""
        return FirstOrderModel(
            self.side,
            tuple(operator.cast(dtype) for operator in self.objective),
            self.constant,
            tuple(family.cast(dtype) for family in self.families),
            self.sign_rows,
        )

    def apply_objective(self, factor: Floats) -> Floats:
        """Return ``C V``."""
        out = np.zeros_like(factor)
        for operator in self.objective:
            out += operator.apply(factor)
        return out

    def assemble(self, multipliers: tuple[Floats, ...]) -> tuple[Floats, Floats]:
        r"""Return ``C(μ) = C + Σ μ_k A_k`` densely, with a bound on the rounding errors.

        Parameters
        ----------
        multipliers : one array per family

        Returns
        -------
        matrix : (m, m) array, exactly symmetric
        errors : (m,) array
            Absolute row sums of ``matrix − C(μ)`` are at most this.
        """
        matrix = np.zeros((self.side, self.side))
        parts: list[Rounding] = [operator.add_to(matrix) for operator in self.objective]
        for family, weights in zip(self.families, multipliers, strict=True):
            parts.append(family.add_to(matrix, weights))
        operations = max((part.operations for part in parts), default=0) + len(parts) + 2
        unit = np.finfo(float).eps * operations
        majorant = sum((part.majorant for part in parts), np.zeros(self.side))
        # eps is twice the unit roundoff: the factor covers 1/(1 − k u) and the sums made here.
        errors = unit * majorant + np.finfo(float).tiny * self.side
        lower = np.tril(matrix)
        return lower + np.tril(matrix, -1).T, errors

    def __str__(self) -> str:
        signs = int(self.signs.sum())
        rows = f"{signs} sign rows" + (f", {self.side - signs} box rows" * (signs < self.side))
        count = f"{self.number_of_constraints} constraints" if self.families else "no constraints"
        return f"first-order model: side {self.side}, {rows}, {count}"
