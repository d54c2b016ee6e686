"""What a bound is about: one output, a margin, a combination of outputs, or all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidOptionError, InvalidOutputError
from lipschitz_app.norms import as_norm
from lipschitz_app.rounding import FloatArray, Norm, affine_interval

Output: TypeAlias = int | tuple[int, int] | ArrayLike


@dataclass(frozen=True, slots=True)
class OutputVector:
    """A combination of outputs.

    Attributes
    ----------
    weights : array, shape (outputs,)
        Coefficients of the outputs.
    label : str
        For people: ``output 3``, ``margin 3 - 5``, ``combination of 10 outputs``.
    """

    weights: FloatArray
    label: str

    def row(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Enclose ``weights @ matrix``: exact for one output, else rounded outwards."""
        used = np.flatnonzero(self.weights)
        if used.size == 1 and self.weights[used[0]] in (1.0, -1.0):
            row = self.weights[used[0]] * matrix[used[0]]
            return row, row
        return affine_interval(matrix.T, np.zeros(matrix.shape[1]), self.weights, self.weights)


@dataclass(frozen=True, slots=True)
class OutputMap:
    """All outputs together, as one map whose changes are measured in a norm.

    Attributes
    ----------
    size : int
        Number of outputs.
    norm : "1", "2" or "inf"
        Norm of the output space.
    """

    size: int
    norm: Norm

    @property
    def label(self) -> str:
        """For people."""
        return f"all {self.size} outputs in the norm {self.norm}"

    def vectors(self) -> list[OutputVector]:
        """Return the single outputs."""
        return [as_output(index, self.size) for index in range(self.size)]


def as_target(
    output: Output | None, size: int, norm: Norm, output_norm: object = None
) -> OutputVector | OutputMap:
    """Return what is meant: all outputs for None, else a combination.

    Parameters
    ----------
    output : index, pair (i, j), vector or None
    size : int
        Number of outputs of the network.
    norm : "1", "2" or "inf"
        Norm of the input space, which the output space gets, too, unless one is given for it.
    output_norm : 1, 2, "inf" or None

    Raises
    ------
    InvalidOutputError
        The network has no such output.
    InvalidOptionError
        A norm of the output space is given for one number.

    Examples
    --------
    >>> as_target(None, 3, "inf"), as_target(1, 3, "inf").label
    (OutputMap(size=3, norm='inf'), 'output 1')
    """
    if output is None:
        return OutputMap(size, norm if output_norm is None else as_norm(output_norm))
    if output_norm is not None:
        raise InvalidOptionError(
            f"output_norm={output_norm!r} is for the whole output vector (output=None); a single "
            "output is a number, leave output_norm out"
        )
    return as_output(output, size)


def as_output(output: Output | None, size: int) -> OutputVector:
    """Return the combination meant by an index, a pair of indices (i, j) or a vector.

    A pair means output i minus output j. A tuple of two integers is always a pair; give a vector
    for a network with two outputs as a list or array.

    Raises
    ------
    InvalidOutputError
        The network has no such output.

    Examples
    --------
    >>> as_output((2, 0), 3).weights.tolist()
    [-1.0, 0.0, 1.0]
    """
    if output is None:
        raise InvalidOutputError(
            "the whole output vector (output=None) is not offered here; give an index, a pair "
            "(i, j) for a margin, or a vector of weights for the outputs"
        )
    weights = np.zeros(size)
    if isinstance(output, (int, np.integer)) and not isinstance(output, bool):
        weights[_index(int(output), size)] = 1.0
        return OutputVector(weights, f"output {int(output)}")
    if (
        isinstance(output, tuple)
        and len(output) == 2
        and all(isinstance(i, (int, np.integer)) for i in output)
    ):
        first, second = (int(i) for i in output)
        if _index(first, size) == _index(second, size):
            raise InvalidOutputError(f"the margin {output} is between an output and itself")
        weights[first], weights[second] = 1.0, -1.0
        return OutputVector(weights, f"margin {first} - {second}")
    try:
        vector = np.asarray(output, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidOutputError(
            f"output {output!r} is none of: an index, a pair (i, j), a vector of {size} numbers"
        ) from None
    if vector.shape != (size,):
        raise InvalidOutputError(
            f"the output vector has shape {vector.shape}, the network has {size} outputs"
        )
    if not np.isfinite(vector).all():
        raise InvalidOutputError("the output vector has entries that are NaN or infinite")
    return OutputVector(vector, f"combination of {size} outputs")


def _index(index: int, size: int) -> int:
    if not 0 <= index < size:
        raise InvalidOutputError(
            f"output {index} does not exist: the network has {size} output"
            f"{'s, 0 to ' + str(size - 1) if size > 1 else ', number 0'}"
        )
    return index
