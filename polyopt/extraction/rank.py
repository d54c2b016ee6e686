"""Numerical ranks of moment matrices: an explicit strategy, and a record of what it decided.

The rank of a matrix that a solver returns to eight digits is a decision, not a fact. A strategy is
a type, so that what was decided and how stands in the result (the same idea as in Legat's
MultivariateMoments.jl).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import UnknownOptionError


@dataclass(frozen=True, slots=True)
class RankDecision:
    """A numerical rank and what it rests on.

    Attributes
    ----------
    rank : int
    tolerance : float
        Values up to this one were counted as zero.
    strategy : str
    """

    rank: int
    tolerance: float
    strategy: str

    def __str__(self) -> str:
        return f"rank {self.rank} (values up to {self.tolerance:.1e} are zero; {self.strategy})"


@runtime_checkable
class RankStrategy(Protocol):
    """Decides the rank of a positive semidefinite matrix from its eigenvalues."""

    def decide(self, values: ArrayLike) -> RankDecision:
        """Decide from eigenvalues in any order; negative ones count as zero."""
        ...


@dataclass(frozen=True, slots=True)
class FixedRank:
    """The rank is known, such as the number of minimisers.

    Examples
    --------
    >>> FixedRank(2).decide([5.0, 1e-3, 1e-9]).rank
    2
    """

    rank: int

    def __post_init__(self) -> None:
        if isinstance(self.rank, bool) or not isinstance(self.rank, int) or self.rank < 1:
            raise UnknownOptionError(f"FixedRank({self.rank!r}): the rank is a positive integer")

    def decide(self, values: ArrayLike) -> RankDecision:
        """Take the given rank, or the size of the matrix where that is smaller."""
        ordered = _ordered(values)
        rank = min(self.rank, len(ordered))
        tolerance = float(ordered[rank]) if rank < len(ordered) else 0.0
        return RankDecision(rank, tolerance, str(self))

    def __str__(self) -> str:
        return f"fixed rank {self.rank}"


@dataclass(frozen=True, slots=True)
class AbsoluteTolerance:
    """Values above a threshold count.

    Examples
    --------
    >>> AbsoluteTolerance(1e-2).decide([5.0, 1e-3, 1e-9]).rank
    1
    """

    tolerance: float

    def __post_init__(self) -> None:
        _require_tolerance(self.tolerance, "AbsoluteTolerance", np.inf)

    def decide(self, values: ArrayLike) -> RankDecision:
        """Count the values above the threshold."""
        return _count(_ordered(values), self.tolerance, str(self))

    def __str__(self) -> str:
        return f"absolute tolerance {self.tolerance:g}"


@dataclass(frozen=True, slots=True)
class RelativeTolerance:
    """Values above a fraction of the largest count.

    Examples
    --------
    >>> RelativeTolerance(1e-4).decide([5.0, 1e-3, 1e-9]).rank
    2
    """

    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        _require_tolerance(self.tolerance, "RelativeTolerance", 1.0)

    def decide(self, values: ArrayLike) -> RankDecision:
        """Count the values above this fraction of the largest."""
        ordered = _ordered(values)
        return _count(ordered, self.tolerance * float(ordered[0]), str(self))

    def __str__(self) -> str:
        return f"relative tolerance {self.tolerance:g}"


@dataclass(frozen=True, slots=True)
class LargestGap:
    """Cut where the ratio of neighbouring values is largest.

    Attributes
    ----------
    ceiling : float
        Values above this fraction of the largest always count.
    floor : float
        Values below this fraction of the largest are noise and taken as equal to it.

    Examples
    --------
    >>> LargestGap().decide([5.0, 1e-2, 1e-9, 3e-10]).rank
    2
    """

    ceiling: float = 1e-2
    floor: float = 1e-8

    def __post_init__(self) -> None:
        _require_tolerance(self.ceiling, "LargestGap", 1.0)
        _require_tolerance(self.floor, "LargestGap", self.ceiling)

    def decide(self, values: ArrayLike) -> RankDecision:
        """Cut between the two neighbours of largest ratio; full rank where no cut is allowed."""
        ordered = _ordered(values)
        top = float(ordered[0])
        if top == 0.0:
            return RankDecision(0, 0.0, str(self))
        lifted = np.append(np.maximum(ordered / top, self.floor), self.floor)
        allowed = np.flatnonzero(lifted[1:] <= self.ceiling)
        ratios = lifted[allowed] / lifted[allowed + 1]
        cut = int(allowed[np.argmax(ratios)])
        tolerance = float(ordered[cut + 1]) if cut + 1 < len(ordered) else 0.0
        return RankDecision(cut + 1, tolerance, str(self))

    def __str__(self) -> str:
        return f"largest gap below {self.ceiling:g}"


def _ordered(values: ArrayLike) -> NDArray[np.float64]:
    array = np.sort(np.maximum(np.asarray(values, dtype=np.float64).ravel(), 0.0))[::-1]
    if not array.size or np.isnan(array).any():
        raise UnknownOptionError("a rank is decided from at least one eigenvalue, without NaN")
    return array


def _count(ordered: NDArray[np.float64], tolerance: float, strategy: str) -> RankDecision:
    return RankDecision(int((ordered > tolerance).sum()), tolerance, strategy)


def _require_tolerance(value: float, name: str, largest: float) -> None:
    if not 0.0 < value <= largest:
        bound = f" and at most {largest:g}" if np.isfinite(largest) else ""
        raise UnknownOptionError(f"{name}: {value!r} must be positive{bound}")
