"""Upper bounds, one file a method."""

from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.exact import exact_constant
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.lowrank import LOWRANK_METHODS, LowRankProof, lowrank_bound
from lipschitz_app.upper.moment import UnprovenBoundWarning, moment_bound
from lipschitz_app.upper.product import product_bound

__all__ = [
    "LOWRANK_METHODS",
    "LowRankProof",
    "UnprovenBoundWarning",
    "UpperBound",
    "exact_constant",
    "interval_bound",
    "lowrank_bound",
    "moment_bound",
    "product_bound",
]
