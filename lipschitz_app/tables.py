"""Text tables for terminals and logs."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> str:
    """Lay rows out under a header.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    right : sequence of int, optional
        Columns that are flush right.

    Examples
    --------
    >>> print(text_table(("method", "upper"), [("shor", "1.25"), ("product", "10")], right=(1,)))
    method   upper
    --------------
    shor      1.25
    product     10
    """
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    laid = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([laid[0], "-" * max(map(len, laid)), *laid[1:]])
