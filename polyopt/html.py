"""Tables in HTML for notebooks, which look for ``_repr_html_``.

Plain tables: everything is escaped, nothing is run or loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_LONGEST = 400


def card(
    title: str,
    rows: Iterable[tuple[str, object]],
    table: tuple[Sequence[str], Iterable[Sequence[object]]] | None = None,
) -> str:
    """Make a table of names and values under a title.

    Parameters
    ----------
    title : str
    rows : iterable of (str, object)
        Values are shown by ``str``, shortened where they are very long.
    table : (head, rows), optional
        A table to be unfolded below.

    Examples
    --------
    >>> print(card("Result", [("bound", "x < 1")]))
    <table><caption>Result</caption>
    <tr><th style="text-align:left">bound</th><td style="text-align:left">x &lt; 1</td></tr>
    </table>
    """
    lines = [f"<table><caption>{escape(title)}</caption>"]
    lines += [f"<tr>{_cell('th', name)}{_cell('td', value)}</tr>" for name, value in rows]
    lines.append("</table>")
    if table is not None:
        head, body = table
        lines.append("<details><summary>more</summary><table>")
        lines.append(f"<tr>{''.join(_cell('th', name) for name in head)}</tr>")
        lines += [f"<tr>{''.join(_cell('td', value) for value in row)}</tr>" for row in body]
        lines.append("</table></details>")
    return "\n".join(lines)


def _cell(tag: str, value: object) -> str:
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} … ({len(text) - _LONGEST} more characters)"
    shown = "<br>".join(escape(line) for line in text.split("\n"))
    return f'<{tag} style="text-align:left">{shown}</{tag}>'
