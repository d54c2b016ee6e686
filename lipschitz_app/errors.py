"""The exception tree of the application; its root is a :class:`polyopt.errors.PolyoptError`.

::

    PolyoptError
    └── LipschitzError
        ├── InvalidNetworkError (ValueError)   weights, layers or shapes that make no network
        ├── InvalidPointError (ValueError)     a point that does not fit the network
        ├── InvalidRegionError (ValueError)    a region without points, or of another dimension
        ├── InvalidOutputError (ValueError)    an output index, pair or vector that does not exist
        ├── InvalidOptionError (ValueError)    a method, norm or number that is not a choice
        ├── NetworkFileError (ValueError)      a file that cannot be read as a network
        ├── UnsupportedError (NotImplementedError)   a combination that is not offered, and what is
        ├── StoreError (ValueError)            a file of results that is damaged or in use
        ├── ActivationError (ValueError)       an activation that is unknown or encoded wrongly
        └── NoBoundError (RuntimeError)        no bound came out, and why
"""

from __future__ import annotations

from polyopt.errors import PolyoptError


class LipschitzError(PolyoptError):
    """Root of all errors raised by lipschitz_app."""


class InvalidNetworkError(LipschitzError, ValueError):
    """Weights, layers or shapes that do not make a network."""


class InvalidPointError(LipschitzError, ValueError):
    """A point that does not fit the network."""


class InvalidRegionError(LipschitzError, ValueError):
    """A region without points, or of another dimension than the network's input."""


class InvalidOutputError(LipschitzError, ValueError):
    """An output index, pair or vector that the network does not have."""


class InvalidOptionError(LipschitzError, ValueError):
    """A method, norm or number that is not one of the choices."""


class NetworkFileError(LipschitzError, ValueError):
    """A file that cannot be read as a network."""


class StoreError(LipschitzError, ValueError):
    """A file of results that cannot be opened, read or written; nothing in it was changed."""


class UnsupportedError(LipschitzError, NotImplementedError):
    """A combination that is not offered; the message says what is."""


class ActivationError(LipschitzError, ValueError):
    """An activation that is unknown, or whose encoding misses points of its graph."""


class NoBoundError(LipschitzError, RuntimeError):
    """No bound came out; the message says why and what to change."""
