"""Proofs of Lipschitz bounds that somebody else can check: a statement and its certificate.

The statement is: over a region, in a norm, an output of a network has at most this Lipschitz
constant. Of the network there is a fingerprint only. Whoever checks brings the network, bounds its
pre-activations, builds the relaxation from it and proves the bound from the numbers of the
certificate; that the fingerprint fits saves the work where it cannot succeed, and is not relied on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Context
from os import PathLike
from typing import Any

import numpy as np

from lipschitz_app.errors import InvalidOptionError, UnsupportedError
from lipschitz_app.fingerprint import fingerprint
from lipschitz_app.network import Network
from lipschitz_app.norms import as_norm
from lipschitz_app.outputs import Output, OutputMap, OutputVector, as_output, as_target
from lipschitz_app.ranges.pre_activations import pre_activation_ranges
from lipschitz_app.regions import Ball, BallInBox, Box, Everywhere, Region, check_region
from lipschitz_app.rounding import Norm, up
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.recheck import prove_again
from lipschitz_app.upper.task import Task
from polyopt.errors import ProofRejectedError

RANGES = ("auto", "interval", "crown")
"""How pre-activations are bounded in a check: every method that needs no solver."""

ROOM = 1e-9
"""By how much the saved bound is larger, relatively: other machines add up in another order."""

NORM_NAMES: dict[Norm, str] = {"1": "L1", "2": "L2", "inf": "L-infinity"}
"""Norms for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """What a bound is about.

    Attributes
    ----------
    net : Network
    region : Region
    norm : "1", "2" or "inf"
    output : OutputVector or OutputMap
    ranges : str
        How pre-activations were bounded.
    """

    net: Network = field(repr=False)
    region: Region
    norm: Norm
    output: OutputVector | OutputMap
    ranges: str


@dataclass(frozen=True, slots=True, eq=False)
class LipschitzProof:
    """An upper bound of a Lipschitz constant with what proves it, for a file.

    Made by :meth:`LipschitzResult.to_proof`, read by :func:`lipschitz_app.load_proof`. What it says
    is a claim until :meth:`check` has been called.

    Attributes
    ----------
    bound : float
        The upper bound that is claimed.
    method : str
        The method that gave the bound.
    network : str
        Fingerprint of the network; see :func:`network_fingerprint`.
    region : Box, Ball or Everywhere
    norm : "1", "2" or "inf"
        Norm of the input space.
    output : OutputVector or OutputMap
        Weights of the outputs, or all outputs with a norm.
    ranges : "auto", "interval" or "crown"
        How pre-activations are bounded.
    certificate : Certificate
        Multipliers and other numbers.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> result = la.lipschitz_constant(net, la.Box([0.0, 0.0], 1.0), method="hr2", lower=False)
    >>> proof = result.to_proof()
    >>> print(proof.about)
    Lipschitz constant of output 0, L-infinity norm, Box(2 inputs, radius 1)
    >>> round(proof.check(net), 3)
    3.337
    >>> other = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.5]], [[1.0, 1.0]]])
    >>> proof.check(other)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    polyopt.errors.ProofRejectedError: the proof is about another network: its fingerprint is ...
    """

    bound: float
    method: str
    network: str
    region: Region
    norm: Norm
    output: OutputVector | OutputMap
    ranges: str
    certificate: Certificate = field(repr=False)

    def check(
        self,
        net: Network,
        *,
        region: Region | None = None,
        norm: object = None,
        output: Output | None = "any",
        output_norm: object = None,
    ) -> float:
        """Prove the bound from the network and the certificate, without any solver.

        Parameters
        ----------
        net : Network
            The network that the bound is about, from wherever it is trusted.
        region : Box, Ball or Everywhere, optional
            A region that the bound has to hold on: that of the proof, or a part of it.
        norm, output, output_norm
            What the bound has to be about, as for :func:`lipschitz_app.lipschitz_constant`. Left
            out, the proof's own is taken; look at it.

        Returns
        -------
        float
            The upper bound that is proven, at most `bound`.

        Raises
        ------
        ProofRejectedError
            The proof is about something else, or shows less than it claims; with the reason.
        """
        if not isinstance(net, Network):
            raise InvalidOptionError(
                f"the network is {type(net).__name__}; give a Network, for example "
                "la.load_network(path)"
            )
        own = network_fingerprint(net)
        if own != self.network:
            raise ProofRejectedError(
                f"the proof is about another network: its fingerprint is {self.network}, that of "
                f"{net!r} is {own}"
            )
        self._require_size(net)
        self._require(net, region, norm, output, output_norm)
        if self.ranges not in RANGES:
            raise ProofRejectedError(
                f"the proof bounds pre-activations by {self.ranges!r}; a check knows "
                f"{', '.join(RANGES)}"
            )
        layers = pre_activation_ranges(net, self.region, self.ranges)
        single = self.output
        if isinstance(single, OutputMap):
            single = as_output(0, net.output_size)
        task = Task(net, self.region, self.norm, single, layers)
        value = prove_again(task, self.output, self.certificate)
        # Written so that a NaN on either side is refused.
        if not value <= self.bound:
            raise ProofRejectedError(
                f"the proof claims the bound {self.bound!r}, but its certificate only shows "
                f"{value!r} for this network"
            )
        return value

    def save(self, path: str | PathLike[str]) -> None:
        """Write the proof to a file that :func:`lipschitz_app.load_proof` reads.

        The file is written completely or not at all.
        """
        from lipschitz_app.proof_files import save_proof

        save_proof(self, path)

    def _require_size(self, net: Network) -> None:
        """Refuse a region or an output that the network does not have."""
        if not isinstance(self.region, Everywhere) and self.region.size != net.input_size:
            raise ProofRejectedError(
                f"the proof is about {self.region.size} inputs, the network has {net.input_size}"
            )
        known = isinstance(self.output, OutputMap)
        size = self.output.size if isinstance(self.output, OutputMap) else self.output.weights.size
        if size != net.output_size:
            raise ProofRejectedError(
                f"the proof is about {'all of ' if known else ''}{size} outputs, the network has "
                f"{net.output_size}"
            )

    def _require(
        self,
        net: Network,
        region: Region | None,
        norm: object,
        output: Output | None,
        output_norm: object,
    ) -> None:
        """Refuse where something else is wanted than the proof is about."""
        if region is not None:
            wanted = check_region(region, net.input_size)
            if not covers(self.region, wanted):
                raise ProofRejectedError(
                    f"the proof is about {self.region!r}, which is not seen to contain {wanted!r}"
                )
        if norm is not None and as_norm(norm) != self.norm:
            raise ProofRejectedError(
                f"the proof is about the norm {self.norm}, not the norm {as_norm(norm)}"
            )
        if isinstance(output, str) and output == "any":
            if output_norm is not None:
                raise InvalidOptionError("output_norm is given without output=None")
            return
        target = as_target(output, net.output_size, self.norm, output_norm)
        if not _same(self.output, target):
            raise ProofRejectedError(
                f"the proof is about {self.output.label}, not about {target.label}"
            )

    def __str__(self) -> str:
        return f"{self.about}: at most {rounded_up(self.bound)} (claimed, by {self.method})"

    @property
    def about(self) -> str:
        """What the bound is about, for people."""
        norm = NORM_NAMES[self.norm]
        return f"Lipschitz constant of {self.output.label}, {norm} norm, {self.region!r}"

    def to_dict(self) -> dict[str, Any]:
        """Return what the proof claims as plain data, for JSON."""
        return {
            "claimed": self.bound,
            "method": self.method,
            "norm": self.norm,
            "region": repr(self.region),
            "output": self.output.label,
            "network": self.network,
        }


def network_fingerprint(net: Network) -> str:
    """Return a text that differs where networks differ in any bit of a weight.

    It is a digest of what :meth:`Network.save` writes, so that a network that was saved and loaded
    keeps it; layers of classes of one's own are compared by their attributes.

    Examples
    --------
    >>> first = Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]])
    >>> second = Network.from_arrays([[[1.0], [-1.0]], [[1.0, np.nextafter(1.0, 2.0)]]])
    >>> network_fingerprint(first) == network_fingerprint(second)
    False
    """
    try:
        return fingerprint(net.to_arrays())
    except UnsupportedError:
        return fingerprint((net.layers, net.input_shape))


def covers(outer: Region, inner: Region) -> bool:
    """Return whether a region is seen to contain another; regions of other shapes are not.

    Examples
    --------
    >>> wide, narrow = Box([0.0, 1.0], 0.5), Box([0.0, 1.0], 0.25)
    >>> covers(wide, narrow), covers(wide, wide), covers(narrow, wide), covers(Everywhere(), wide)
    (True, True, False, True)
    """
    if isinstance(outer, Everywhere):
        return True
    if isinstance(outer, Box) and isinstance(inner, Box):
        same = (
            np.array_equal(outer.center, inner.center),
            np.array_equal(outer.radius, inner.radius),
        )
        ends = (np.array_equal(outer.lower, inner.lower), np.array_equal(outer.upper, inner.upper))
        if all(same) and all(ends):
            return True
        return bool(
            outer.size == inner.size
            and (inner.lower >= outer.inner_lower).all()
            and (inner.upper <= outer.inner_upper).all()
        )
    if isinstance(outer, Ball) and isinstance(inner, Ball):
        if not np.array_equal(outer.center, inner.center) or inner.radius > outer.radius:
            return False
        if not isinstance(outer, BallInBox):
            return True
        return isinstance(inner, BallInBox) and covers(outer.box, inner.box)
    return False


def raised(upper: float) -> float:
    """Return the bound that is claimed for a proven one."""
    return float(up(up(1.0 + ROOM) * upper))


def rounded_up(value: float) -> str:
    """Return a number for people, never below it.

    Examples
    --------
    >>> rounded_up(3.3333331), rounded_up(0.1), rounded_up(2.0)
    ('3.333334', '0.1000001', '2')
    """
    if not math.isfinite(value):
        return str(value)
    context = Context(prec=7, rounding=ROUND_CEILING)
    return f"{context.create_decimal(value).normalize():f}"


def _same(own: OutputVector | OutputMap, wanted: OutputVector | OutputMap) -> bool:
    if isinstance(own, OutputMap) or isinstance(wanted, OutputMap):
        return own == wanted if type(own) is type(wanted) else False
    return np.array_equal(own.weights, wanted.weights)
