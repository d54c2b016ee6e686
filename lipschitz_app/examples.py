"""Networks that ship with the package, for documentation, tests and first steps."""

from __future__ import annotations

from importlib.resources import as_file, files

from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.network import Network
from lipschitz_app.readers.arrays import load_npz, read_arrays
from lipschitz_app.rounding import FloatArray

_FILES = {"digits": "digits_64_32_10.npz"}


def example_network(name: str = "digits") -> Network:
    """Return a network that ships with the package.

    Parameters
    ----------
    name : "digits"
        A 64-32-10 ReLU network for the 8×8 digit images of scikit-learn, pixels scaled to [0, 1];
        written by ``examples/train_digits.py``.

    Examples
    --------
    >>> example_network("digits")
    Network(64-32-10, relu)
    """
    with as_file(files("lipschitz_app") / "data" / _file(name)) as path:
        return load_npz(path)


def example_inputs(name: str = "digits") -> tuple[FloatArray, FloatArray]:
    """Return test inputs and their labels for a network that ships with the package.

    Returns
    -------
    inputs : array, shape (k, 64)
    labels : array, shape (k,)

    Examples
    --------
    >>> inputs, labels = example_inputs("digits")
    >>> bool((example_network("digits")(inputs).argmax(axis=1) == labels).mean() > 0.8)
    True
    """
    with as_file(files("lipschitz_app") / "data" / _file(name)) as path:
        arrays = read_arrays(path)
    return arrays["inputs"], arrays["labels"]


def _file(name: str) -> str:
    if name not in _FILES:
        raise InvalidOptionError(
            f"there is no example network {name!r}; there are {', '.join(sorted(_FILES))}"
        )
    return _FILES[name]
