"""What proves an upper bound once network, region, norm and output are at hand.

A certificate holds numbers that an optimiser found: multipliers, diagonals, proofs of polynomial
problems. Whoever checks it builds the relaxation again from the network
(:mod:`lipschitz_app.upper.recheck`); nothing of the relaxation is in it. It may come from a file,
so that what is taken out of it is looked at first.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import polyopt as po
from lipschitz_app.rounding import FloatArray
from polyopt.errors import FormatError, ProofRejectedError

_ROOM = 1e-10
"""Relative room of a proof within another."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Numbers from which a bound is proven again.

    Attributes
    ----------
    kind : str
        Which check it is for, a name in :mod:`lipschitz_app.upper.recheck`.
    settings : mapping of str to str or int
        Which relaxation it belongs to.
    arrays : mapping of str to array
        Of float64 or int64.
    proof : polyopt.ProvenBound, bytes or None
        Of the polynomial problem's bound, where the engine solved it; as the content of its file,
        which is not read before it is needed.
    parts : tuple of Certificate
        Of the bounds that this one is put together from.

    Examples
    --------
    >>> Certificate("krivine", {"degree": 3}).number("degree", 1, 9)
    3
    """

    kind: str
    settings: Mapping[str, str | int] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)
    proof: po.ProvenBound | bytes | None = field(default=None, repr=False)
    parts: tuple[Certificate, ...] = field(default=(), repr=False)

    def choice(self, name: str, allowed: Collection[str]) -> str:
        """Return a setting that is one of some names.

        Raises
        ------
        ProofRejectedError
        """
        found = self.settings.get(name)
        if not isinstance(found, str) or found not in allowed:
            raise ProofRejectedError(
                f"the certificate says {name} {found!r}; it can be {', '.join(allowed)}"
            )
        return found

    def number(self, name: str, least: int, greatest: int) -> int:
        """Return a setting that is a whole number of some range.

        Raises
        ------
        ProofRejectedError
        """
        found = self.settings.get(name)
        if type(found) is not int or not least <= found <= greatest:
            raise ProofRejectedError(
                f"the certificate says {name} {found!r}; it can be {least} to {greatest}"
            )
        return found

    def floats(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Return an array of finite numbers.

        Raises
        ------
        ProofRejectedError
            It is missing, of another shape or type, or has entries that are NaN or infinite.
        """
        found = self._array(name, shape)
        if found.dtype != np.float64:
            raise ProofRejectedError(f"the certificate's {name} are not of type float64")
        if not np.isfinite(found).all():
            raise ProofRejectedError(f"the certificate's {name} have entries that are not finite")
        return found

    def integers(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Return an array of whole numbers.

        Raises
        ------
        ProofRejectedError
            It is missing, or of another shape or type.
        """
        found = self._array(name, shape)
        if found.dtype != np.int64:
            raise ProofRejectedError(f"the certificate's {name} are not of type int64")
        return found

    def the_proof(self) -> po.ProvenBound:
        """Return the proof of a polynomial problem's bound.

        Raises
        ------
        ProofRejectedError
            There is none, or none that can be read.
        """
        if self.proof is None:
            raise ProofRejectedError("the certificate has no proof of a polynomial problem in it")
        if not isinstance(self.proof, bytes):
            return self.proof
        try:
            return po.load_proof(io.BytesIO(self.proof))
        except FormatError as error:
            raise ProofRejectedError(
                f"the proof of the polynomial problem cannot be read: {error}"
            ) from None

    def _array(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        found = self.arrays.get(name)
        if found is None:
            raise ProofRejectedError(f"the certificate has no {name}")
        if found.shape != shape:
            raise ProofRejectedError(
                f"the certificate's {name} have shape {found.shape}; for this network, region and "
                f"output {shape} is needed"
            )
        return found


def of_polynomial(
    proof: po.ProvenBound | None, settings: Mapping[str, str | int], kind: str = "polynomial"
) -> Certificate | None:
    """Return the certificate of a polynomial problem's bound, if there is a proof.

    It claims a little less than the proof, so that another machine, which rounds the problem's
    coefficients otherwise, reaches it.
    """
    if proof is None:
        return None
    room = _ROOM * abs(proof.bound)
    return Certificate(kind, dict(settings), proof=replace(proof, bound=proof.bound + room))
