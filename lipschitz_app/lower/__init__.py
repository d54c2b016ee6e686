"""Lower bounds with witness points."""

from lipschitz_app.lower.ascent import LowerBound, lipschitz_lower_bound

__all__ = ["LowerBound", "lipschitz_lower_bound"]
