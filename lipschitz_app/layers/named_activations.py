"""The built-in activations as layers; each is :class:`Activation` with a registered name."""

from __future__ import annotations

from typing import ClassVar

from lipschitz_app.errors import ActivationError
from lipschitz_app.layers.activation import Activation


class _Named(Activation):
    """An activation without parameter."""

    registered: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.registered)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Parametrised(Activation):
    """An activation with one parameter, which stands in its name."""

    family: ClassVar[str]

    def __init__(self, alpha: float) -> None:
        try:
            self.alpha = float(alpha)
        except (TypeError, ValueError):
            raise ActivationError(f"alpha = {alpha!r} is not a number") from None
        super().__init__(f"{self.family}({self.alpha!r})")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alpha!r})"


class LeakyReLU(_Parametrised):
    """``max(0, x) + alpha min(0, x)`` in each entry.

    Examples
    --------
    >>> LeakyReLU(0.2).name
    'leaky_relu(0.2)'
    """

    family = "leaky_relu"

    def __init__(self, alpha: float = 0.01) -> None:
        super().__init__(alpha)


class PReLU(_Parametrised):
    """A leaky ReLU whose slope below 0 was learnt, the same for all entries.

    Examples
    --------
    >>> PReLU(0.3)
    PReLU(0.3)
    """

    family = "prelu"

    def __init__(self, alpha: float = 0.25) -> None:
        super().__init__(alpha)


class ELU(_Parametrised):
    """``x`` above 0 and ``alpha (exp(x) - 1)`` below, in each entry.

    Examples
    --------
    >>> ELU()
    ELU(1.0)
    """

    family = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)


class Abs(_Named):
    """``|x|`` in each entry.

    Examples
    --------
    >>> Abs()
    Abs()
    """

    registered = "abs"


class HardTanh(_Named):
    """``x`` cut to between -1 and 1, in each entry.

    Examples
    --------
    >>> HardTanh()
    HardTanh()
    """

    registered = "hardtanh"


class ReLU6(_Named):
    """``x`` cut to between 0 and 6, in each entry.

    Examples
    --------
    >>> ReLU6()
    ReLU6()
    """

    registered = "relu6"


class HardSigmoid(_Named):
    """``x / 6 + 1/2`` cut to between 0 and 1, in each entry.

    Examples
    --------
    >>> HardSigmoid()
    HardSigmoid()
    """

    registered = "hardsigmoid"


class Tanh(_Named):
    """The hyperbolic tangent of each entry.

    Examples
    --------
    >>> Tanh()
    Tanh()
    """

    registered = "tanh"


class Sigmoid(_Named):
    """``1 / (1 + exp(-x))`` in each entry.

    Examples
    --------
    >>> Sigmoid()
    Sigmoid()
    """

    registered = "sigmoid"


class Softplus(_Named):
    """``log(1 + exp(x))`` in each entry.

    Examples
    --------
    >>> Softplus()
    Softplus()
    """

    registered = "softplus"


class SiLU(_Named):
    """``x / (1 + exp(-x))`` in each entry.

    Examples
    --------
    >>> SiLU()
    SiLU()
    """

    registered = "silu"


class GELU(_Named):
    """x times the normal distribution function of x, in each entry.

    Examples
    --------
    >>> GELU()
    GELU()
    """

    registered = "gelu"
