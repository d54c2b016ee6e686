"""The plan of a relaxation: block sizes, moments and memory, known before anything is built.

The memory figures are estimates with a stated model, meant to tell a laptop from a cluster:

- assembly: 16 bytes of index and value per coefficient of the data, and the packed monomials it
  was made from;
- interior point: each PSD block of side b contributes a dense Hessian of order b(b+1)/2 to the
  KKT system and its factor, 3 * 8 bytes per entry of the triangle; Clarabel was measured between
  2.1 and 3.0 of these units;
- first order: a few copies of the data and of the blocks.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from polyopt.errors import MemoryEstimateError, UnknownOptionError
from polyopt.relaxation.multiplier import Cone, Multiplier


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a relaxation.

    Attributes
    ----------
    psd : tuple of (side, count)
        PSD blocks, largest first.
    nonnegative, free : int
        Numbers of scalar inequalities and equalities.
    entries : int
        Scalar entries of all blocks.
    coefficients : int
        Coefficients of the data before equal ones are merged.
    moments : int
        Upper bound of the number of moments (the number of entries of blocks whose polynomial
        is 1, or of all where there is none).
    assembly_bytes, interior_point_bytes, first_order_bytes : float
        Estimated memory.
    second_order : tuple of (rows, count)
        Second-order cones, largest first.
    """

    psd: tuple[tuple[int, int], ...]
    nonnegative: int
    free: int
    entries: int
    coefficients: int
    moments: int
    assembly_bytes: float
    interior_point_bytes: float
    first_order_bytes: float
    second_order: tuple[tuple[int, int], ...] = ()

    @property
    def largest_block(self) -> int:
        """Side of the largest PSD block, 0 where there is none."""
        return self.psd[0][0] if self.psd else 0

    @property
    def summary(self) -> str:
        """One line."""
        number = sum(count for _, count in self.psd)
        return (
            f"{number} PSD blocks, largest {self.largest_block}×{self.largest_block}, "
            f"at most {self.moments} moments"
        )

    def __str__(self) -> str:
        shown = ", ".join(
            f"{count} of {side}×{side}" if count > 1 else f"{side}×{side}"
            for side, count in self.psd[:8]
        )
        if len(self.psd) > 8:
            shown += f", … ({len(self.psd) - 8} more sizes)"
        cones = ", ".join(f"{count} of {rows}" for rows, count in self.second_order[:8])
        return "\n".join(
            [
                f"PSD blocks: {shown or 'none'}",
                *([f"second-order cones: {cones} rows"] if cones else []),
                f"scalar inequalities: {self.nonnegative}, scalar equalities: {self.free}",
                f"moments: at most {self.moments}, entries: {self.entries}, "
                f"coefficients: {self.coefficients}",
                f"estimated memory: assembly {size_text(self.assembly_bytes)}, interior point "
                f"{size_text(self.interior_point_bytes)}, first order "
                f"{size_text(self.first_order_bytes)}",
            ]
        )


def plan(multipliers: Sequence[Multiplier]) -> Plan:
    """Estimate sizes and memory from the shapes of the multipliers alone."""
    psd: Counter[int] = Counter()
    second_order: Counter[int] = Counter()
    nonnegative = free = entries = coefficients = plain = 0
    key_bytes = hessian = dense = 0.0
    for multiplier in multipliers:
        size = multiplier.entries
        terms = max(1, multiplier.polynomial.number_of_terms)
        entries += size
        coefficients += size * terms
        degree = multiplier.basis.width * (2 if multiplier.cone is Cone.PSD else 1)
        key_bytes += size * terms * 4.0 * (degree + multiplier.polynomial.rows.shape[1] + 4)
        cone = multiplier.effective_cone
        if cone is Cone.PSD:
            psd[multiplier.basis.size] += 1
            hessian += size * (size + 1) / 2
            dense += multiplier.basis.size**2
        elif cone is Cone.SECOND_ORDER:
            second_order[size] += 1
        elif cone is Cone.NONNEGATIVE:
            nonnegative += size
        else:
            free += size
        if not multiplier.factors:
            plain += size
    data = 16.0 * coefficients
    return Plan(
        psd=tuple(sorted(psd.items(), reverse=True)),
        nonnegative=nonnegative,
        free=free,
        entries=entries,
        coefficients=coefficients,
        moments=plain or entries,
        assembly_bytes=2 * data + key_bytes + 24.0 * entries,
        interior_point_bytes=3 * 8.0 * hessian + 6 * data,
        first_order_bytes=6 * data + 10 * 8.0 * (dense + entries),
        second_order=tuple(sorted(second_order.items(), reverse=True)),
    )


def check_memory(needed: float, limit: float | None, what: str, sizes: Plan) -> None:
    """Refuse work that is estimated not to fit.

    Raises
    ------
    MemoryEstimateError
    """
    if limit is not None and needed > limit:
        raise MemoryEstimateError(
            f"{what} of this relaxation is estimated to need {size_text(needed)}, but the limit "
            f"is {size_text(limit)} ({sizes.summary}). Lower the order, use sparsity "
            "(correlative, term) or nearly_sparse, choose a first-order solver, or override with "
            "memory_limit=None"
        )


def available_memory() -> float | None:
    """Bytes of physical memory that are free or reclaimable; None where unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return None


def peak_memory() -> float | None:
    """Largest memory the process has held so far, bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


def resolve_limit(memory_limit: float | str | None) -> float | None:
    """Turn the ``memory_limit`` argument into bytes."""
    if memory_limit == "available":
        return available_memory()
    if memory_limit is None:
        return None
    if isinstance(memory_limit, str) or not memory_limit > 0:
        raise UnknownOptionError(
            f'memory_limit is {memory_limit!r}; it must be a positive number of bytes, "available" '
            "or None"
        )
    return float(memory_limit)


def size_text(number: float) -> str:
    """Bytes in words."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} PB"
