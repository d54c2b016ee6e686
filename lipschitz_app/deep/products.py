"""Products of sparse affine forms, collected into constraint families of the low-rank solver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from scipy import sparse

from lipschitz_app.rounding import FloatArray
from polyopt.solvers.lowrank import AffineForms, ProductFamily

Part: TypeAlias = tuple["int | np.ndarray", "float | FloatArray"]


@dataclass(slots=True)
class Products:
    """Constraints ``left * right + slack >= 0`` or ``left * right = 0`` by name.

    Constraints of one name share a penalty in the solver, so they should be of one kind.

    Attributes
    ----------
    width : int
        Number of rows and shared forms, which the factors are combinations of.
    """

    width: int
    _kept: dict[tuple[str, bool], list[tuple[sparse.csr_array, sparse.csr_array, FloatArray]]] = (
        field(default_factory=dict)
    )

    def combination(self, count: int, *parts: Part) -> sparse.csr_array:
        """Return `count` combinations: the sums of coefficient times column over the parts.

        Examples
        --------
        >>> import numpy as np
        >>> products = Products(4)
        >>> products.combination(2, (0, 0.5), (np.array([2, 3]), -0.5)).toarray().tolist()
        [[0.5, 0.0, -0.5, 0.0], [0.5, 0.0, 0.0, -0.5]]
        """
        number = np.arange(count)
        columns = [np.broadcast_to(np.asarray(part[0]), (count,)) for part in parts]
        values = [np.broadcast_to(np.asarray(part[1], dtype=float), (count,)) for part in parts]
        matrix = sparse.csr_array(
            (np.concatenate(values), (np.tile(number, len(parts)), np.concatenate(columns))),
            shape=(count, self.width),
        )
        matrix.eliminate_zeros()
        return matrix

    def nonnegative(
        self,
        name: str,
        left: sparse.csr_array,
        right: sparse.csr_array,
        slack: float | FloatArray = 0.0,
    ) -> None:
        """Require ``left * right + slack >= 0``."""
        self._add(name, False, left, right, slack)

    def zero(self, name: str, left: sparse.csr_array, right: sparse.csr_array) -> None:
        """Require ``left * right = 0``."""
        self._add(name, True, left, right, 0.0)

    def _add(
        self,
        name: str,
        equality: bool,
        left: sparse.csr_array,
        right: sparse.csr_array,
        slack: float | FloatArray,
    ) -> None:
        if left.shape[0]:
            room = np.broadcast_to(np.asarray(slack, dtype=float), (left.shape[0],))
            self._kept.setdefault((name, equality), []).append((left, right, room))

    def families(self, forms: AffineForms) -> list[ProductFamily]:
        """Return one scaled family per name and kind."""
        found = []
        for (_, equality), parts in self._kept.items():
            left, right = (sparse.vstack([p[i] for p in parts], format="csr") for i in (0, 1))
            slack = None if equality else np.concatenate([part[2] for part in parts])
            family = ProductFamily(left, right, forms, equality=equality, slack=slack)
            found.append(family.scaled())
        return found
