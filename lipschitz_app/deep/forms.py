"""Affine forms in the rows of a model, with bounds on how far they are from what they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.rounding import FloatArray, gamma, inflate


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Affine forms ``coefficients @ rows``; row 0 is the constant 1, all rows are in [-1, 1].

    Attributes
    ----------
    coefficients : array, shape (k, side)
    errors : array, shape (k,)
        Bounds on the distance of each form to the quantity that it stands for.
    """

    coefficients: FloatArray
    errors: FloatArray

    @classmethod
    def of_rows(
        cls,
        side: int,
        rows: np.ndarray,
        scale: float | FloatArray = 1.0,
        constant: float | FloatArray = 0.0,
        errors: float | FloatArray = 0.0,
    ) -> Forms:
        """Return ``scale * row + constant`` for each of some rows."""
        coefficients = np.zeros((rows.size, side))
        coefficients[np.arange(rows.size), rows] = scale
        coefficients[:, 0] += constant
        return cls(coefficients, np.broadcast_to(np.asarray(errors, dtype=float), rows.shape))

    @property
    def magnitudes(self) -> FloatArray:
        """Sums of absolute coefficients, rounded upwards."""
        return inflate(np.abs(self.coefficients).sum(axis=1), self.coefficients.shape[1])

    def mapped(
        self,
        matrix: FloatArray,
        matrix_error: FloatArray,
        bias: FloatArray | None = None,
        bias_error: FloatArray | None = None,
    ) -> Forms:
        """Return ``matrix @ forms + bias``, the given errors and all roundings counted.

        Examples
        --------
        >>> import numpy as np
        >>> x = Forms(np.array([[0.5, 0.25]]), np.zeros(1))
        >>> found = x.mapped(np.array([[3.0]]), np.zeros((1, 1)), np.array([-1.0]), np.zeros(1))
        >>> found.coefficients.tolist(), bool(found.errors[0] < 1e-14)
        ([[0.5, 0.75]], True)
        """
        coefficients = matrix @ self.coefficients
        sizes, magnitudes = np.abs(matrix), self.magnitudes
        mass = sizes @ magnitudes
        errors = sizes @ self.errors + matrix_error @ (magnitudes + self.errors)
        if bias is not None and bias_error is not None:
            coefficients[:, 0] += bias
            mass = mass + np.abs(bias)
            errors = errors + bias_error
        terms = matrix.shape[1] + 2
        errors = errors + gamma(terms) * mass
        underflow = float(np.finfo(np.float64).tiny) * terms * coefficients.shape[1]
        return Forms(coefficients, inflate(errors + underflow, 2 * terms))

    def chosen(self, mask: np.ndarray) -> Forms:
        """Return a part of the forms."""
        return Forms(self.coefficients[mask], self.errors[mask])

    def replaced(self, mask: np.ndarray, other: Forms) -> Forms:
        """Return these forms with those in the mask replaced by others."""
        coefficients, errors = self.coefficients.copy(), self.errors.copy()
        coefficients[mask], errors[mask] = other.coefficients, other.errors
        return Forms(coefficients, errors)
