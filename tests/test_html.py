"""Tables for notebooks: what they say, that it is escaped, and that nothing runs."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

import polyopt as po
from polyopt.html import card

ALLOWED = {"table", "caption", "tr", "th", "td", "br", "details", "summary"}


class Reader(HTMLParser):
    """Collects the text, and refuses tags and attributes that could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert dict(attrs) in ({}, {"style": "text-align:left"})
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def text_of(value: Any) -> str:
    html = value if isinstance(value, str) else value._repr_html_()
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open, "every tag is closed"
    return " ".join(part.strip() for part in reader.text if part.strip())


@pytest.fixture(scope="module")
def stages() -> tuple[Any, ...]:
    x, y = po.variables("x y")
    problem = po.minimize(x * y, subject_to=[x**2 + y**2 <= 1, x == y**2])
    relaxation = po.putinar(problem, order=2, sparsity="correlative")
    result = relaxation.solve()
    return problem, relaxation, result, result.prove(), po.solve(problem)


def test_problem(stages: tuple[Any, ...]) -> None:
    text = text_of(stages[0])
    for part in ("minimize x*y", "inequality 1 - x^2 - y^2 >= 0", "equality", "2: x, y"):
        assert part in text


def test_many_constraints_are_counted() -> None:
    x = po.variables("x", 30)
    text = text_of(po.maximize(sum(x), subject_to=[v <= 1 for v in x]))
    assert "maximize" in text
    assert "10 more constraints" in text


def test_plan(stages: tuple[Any, ...]) -> None:
    text = text_of(stages[1])
    assert text.startswith("Putinar, order 2, correlative sparsity")
    assert "1 of 6×6" in text
    assert f"at most {stages[1].plan.moments}" in text


def test_result_and_proof(stages: tuple[Any, ...]) -> None:
    result, proof = stages[2], stages[3]
    text = text_of(result)
    assert f">= {result.bound:.9g} (numerical)" in text
    assert all(phase in text for phase in result.timings)
    assert str(proof) in text_of(proof)
    assert f"{len(proof.certificate.terms)} terms" in text_of(proof)


def test_solution(stages: tuple[Any, ...]) -> None:
    solution = stages[4]
    text = text_of(solution)
    assert f"({solution.bound_kind})" in text
    assert "(sampled)" in text
    assert all(attempt.name in text for attempt in solution.history)


def test_infeasible_solution_has_no_numbers_to_show() -> None:
    x = po.variables("x", 1)[0]
    text = text_of(po.solve(po.minimize(x, subject_to=[x >= 1, x <= 0])))
    assert "infeasible" in text
    assert "gap none" in text


def test_names_and_values_are_escaped() -> None:
    html = card("<b>", [("<script>", "a & b\n<img>")], (("<i>",), [("</table>",)]))
    text = text_of(html)
    assert text == "<b> <script> a & b <img> more <i> </table>"
    assert "<script" not in html


def test_long_values_are_cut() -> None:
    html = card("long", [("value", "x" * 1000)])
    assert "x" * 400 + " … (600 more characters)" in html
