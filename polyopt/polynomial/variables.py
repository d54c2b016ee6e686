"""Ordered sets of variable names, shared by the polynomials of a problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import InvalidProblemError


class Variables(Sequence[str]):
    """An immutable ordered set of variable names.

    Parameters
    ----------
    names : iterable of str
        Distinct nonempty names; the order is the order of the coordinates of points.

    Examples
    --------
    >>> v = Variables(["x", "y"])
    >>> len(v), v.index("y"), list(v | Variables(["y", "z"]))
    (2, 1, ['x', 'y', 'z'])
    """

    __slots__ = ("_hash", "_position", "names")

    names: tuple[str, ...]

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(str(name) for name in names)
        self._position = {name: i for i, name in enumerate(self.names)}
        self._hash = hash(self.names)
        if len(self._position) != len(self.names):
            repeated = next(n for i, n in enumerate(self.names) if self._position[n] != i)
            raise InvalidProblemError(
                f'the variable "{repeated}" is named twice; give each variable a name of its own'
            )
        if "" in self._position:
            raise InvalidProblemError("a variable has an empty name; give it one")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.names[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Variables):
            return NotImplemented
        return self._hash == other._hash and self.names == other.names

    def __repr__(self) -> str:
        shown = self.names if len(self) <= 8 else (*self.names[:3], "…", *self.names[-2:])
        return f"Variables({', '.join(shown)})"

    def index(self, name: object, start: int = 0, stop: int | None = None) -> int:
        """Position of a name; ValueError where there is none."""
        position = self._position.get(name) if isinstance(name, str) else None
        if position is None or position < start or (stop is not None and position >= stop):
            raise ValueError(f"{name!r} is not one of the variables")
        return position

    def __or__(self, other: Variables) -> Variables:
        """Union: the names of self, then those of other that are new."""
        if self is other or self == other:
            return self
        return _union(self, other)


@lru_cache(maxsize=512)
def _union(left: Variables, right: Variables) -> Variables:
    new = [name for name in right.names if name not in left]
    return Variables(left.names + tuple(new)) if new else left


@lru_cache(maxsize=512)
def relabelling(old: Variables, new: Variables) -> NDArray[np.int32]:
    """Table that turns rows over ``old`` into rows over ``new``; -1 where a name is missing.

    Returns
    -------
    int array of shape (len(old) + 1,)
        Entry 0 is 0 (padding), entry i + 1 the new index of variable i plus one.
    """
    table = np.zeros(len(old) + 1, dtype=np.int32)
    for i, name in enumerate(old.names):
        table[i + 1] = new._position.get(name, -2) + 1
    table.setflags(write=False)
    return table
