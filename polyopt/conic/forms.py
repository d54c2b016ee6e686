"""Both conic forms from one assembly.

The SOS form is the dual of the moment form: its unknowns are the Gram matrices and multiplier
coefficients, and there is one equality per monomial. Both have the same optimal value up to sign;
which one a solver likes better is measured, see :mod:`polyopt.solvers.registry`.
"""

from __future__ import annotations

from typing import Literal

from polyopt.conic.moment_form import moment_form
from polyopt.conic.program import ConicProgram
from polyopt.errors import UnknownOptionError
from polyopt.relaxation.plan import check_memory, resolve_limit
from polyopt.relaxation.relaxation import Form, Relaxation

FORMS: tuple[Form, ...] = ("moment", "sos")


def check_form(form: str) -> Form:
    """Validate the name of a conic form.

    Raises
    ------
    UnknownOptionError
    """
    if form not in FORMS:
        raise UnknownOptionError(f'the form is {form!r}; it must be "moment" or "sos"')
    return form


def build_program(
    relaxation: Relaxation,
    form: str = "moment",
    *,
    memory_limit: float | Literal["available"] | None = "available",
) -> ConicProgram:
    """Build the conic program of a relaxation; see :meth:`Relaxation.program`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> relaxation = po.putinar(po.minimize(x[0] ** 4 + x[1] ** 2), order=2)
    >>> print(build_program(relaxation, "sos"))
    conic program: 21 variables, 35 rows, 41 nonzeros; 14 equalities, PSD blocks 6×6
    """
    check_form(form)
    sizes = relaxation.plan
    check_memory(sizes.assembly_bytes, resolve_limit(memory_limit), "assembling the data", sizes)
    program = moment_form(relaxation.assembly, relaxation.problem.minimized)
    return program if form == "moment" else program.dual().program
