"""Conic text files: round trips, the same value again, malformed input."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from solvers.conic_problems import KNOWN, mixed

import polyopt as po
from polyopt.conic import Cones, ConicProgram
from polyopt.conic.sdpa_format import primal_of_dual
from polyopt.errors import FormatError
from polyopt.problems import lasserre_quartic_region
from polyopt.solvers import get_solver

ENDINGS = (".dat-s", ".cbf")


def _assert_same(first: ConicProgram, second: ConicProgram) -> None:
    assert first.cones == second.cones
    assert first.offset == second.offset
    np.testing.assert_allclose(first.c, second.c, rtol=1e-15)
    np.testing.assert_allclose(first.b, second.b, rtol=1e-15)
    np.testing.assert_allclose(first.A.toarray(), second.A.toarray(), rtol=1e-15)


def _without_second_order(program: ConicProgram) -> ConicProgram:
    keep = np.ones(program.number_of_rows, dtype=bool)
    for rows in program.cones.second_order_slices():
        keep[rows] = False
    cones = Cones(program.cones.zero, program.cones.nonnegative, (), program.cones.psd)
    return ConicProgram(program.c, program.A[keep], program.b[keep], cones, program.offset)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dual", [False, True])
def test_round_trip_of_all_cones(ending: str, dual: bool, tmp_path: Path) -> None:
    program = mixed().program
    if ending == ".dat-s":
        program = _without_second_order(program)
    if dual:
        program = program.dual().program
    path = tmp_path / f"file{ending}"
    program.write(path)
    _assert_same(program, ConicProgram.read(path))
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_round_trip_of_random_programs(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cones = Cones(
        data.draw(st.integers(0, 3)),
        data.draw(st.integers(0, 3)),
        tuple(data.draw(st.lists(st.integers(1, 4), max_size=2))),
        tuple(data.draw(st.lists(st.integers(1, 4), max_size=3))),
    )
    n = data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    A = sp.random_array((cones.rows, n), density=0.4, rng=rng, data_sampler=rng.standard_normal)
    b = np.where(rng.random(cones.rows) < 0.5, 0.0, rng.standard_normal(cones.rows))
    program = ConicProgram(rng.standard_normal(n), A, b, cones, float(rng.integers(-2, 3)))
    path = tmp_path_factory.mktemp("formats") / "file.cbf"
    program.write(path)
    _assert_same(program, ConicProgram.read(path))
    if not cones.second_order:
        path = path.with_suffix(".dat-s")
        if cones.rows:
            program.write(path)
            _assert_same(program, ConicProgram.read(path))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("form", ["moment", "sos"])
@pytest.mark.parametrize("equality", [False, True])
def test_written_relaxation_has_the_same_value(
    ending: str, form: str, equality: bool, tmp_path: Path
) -> None:
    x = po.variables("x", 2)
    problem = (
        po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 == 1, x[0] >= 0])
        if equality
        else lasserre_quartic_region()
    )
    relaxation = po.putinar(problem, order=3)
    program = relaxation.program(form=form)
    path = tmp_path / f"file{ending}"
    program.write(path)
    value = get_solver("clarabel").solve(ConicProgram.read(path)).dual_objective
    expected = -0.5 if equality else -5.508013  # Lasserre 2001, example 5
    assert value == pytest.approx(expected if form == "moment" else -expected, abs=1e-5)


def test_sos_form_is_written_as_the_moment_form(tmp_path: Path) -> None:
    """As matrix variables with equalities, not as pairs of inequalities."""
    relaxation = po.putinar(lasserre_quartic_region(), order=2)
    for form in ("moment", "sos"):
        relaxation.program(form=form).write(tmp_path / f"{form}.dat-s")
    moment, sos = ((tmp_path / f"{form}.dat-s").read_text() for form in ("moment", "sos"))
    assert moment.splitlines()[1:] == sos.splitlines()[1:]
    assert primal_of_dual(relaxation.program("moment")) is None


def test_integers_stay_integers(tmp_path: Path) -> None:
    x = po.variables("x", 2)
    relaxation = po.putinar(po.minimize(3 * x[0] ** 4 + 7 * x[1] ** 4 - x[0] * x[1]), order=2)
    for ending in ENDINGS:
        path = tmp_path / f"file{ending}"
        relaxation.program().write(path)
        assert all("." not in line for line in path.read_text().splitlines()[1:])


def test_sdpa_manual_example(tmp_path: Path) -> None:
    """Example 1 of the SDPA manual: optimal value -41.9."""
    path = tmp_path / "example1.dat-s"
    path.write_text(
        '"Example 1: mDim = 3, nBLOCK = 1, {2}"\n3  =  mDIM\n1  =  nBLOCK\n2  =  bLOCKsTRUCT\n'
        "{48, -8, 20}\n0 1 1 1 -11\n0 1 2 2 23\n1 1 1 1 10\n1 1 1 2 4\n2 1 2 2 -8\n"
        "3 1 1 2 -8\n3 1 2 2 -2\n"
    )
    solution = get_solver("clarabel").solve(ConicProgram.read(path))
    assert solution.primal_objective == pytest.approx(-41.9, abs=1e-5)


CBF = """# all kinds of members
VER
3

OBJSENSE
MAX

VAR
5 3
F 2
L+ 1
Q 2

PSDVAR
1
2

CON
4 3
L= 1
L- 1
QR 2

OBJFCOORD
2
0 0 0 -1
0 1 1 -1

OBJACOORD
2
2 -1
3 -1

OBJBCOORD
10

FCOORD
1
0 0 1 0 1

ACOORD
3
1 0 1
2 1 1
3 2 1

BCOORD
3
0 -6
1 -2
2 0.5
"""


def test_cbf_with_matrix_variables_and_rotated_cones(tmp_path: Path) -> None:
    """Trace of X with 2 X_01 = 6 is 6; |x_4| <= x_3 and x_2 >= 0 end at 0: 10 - 6 in all."""
    path = tmp_path / "file.cbf"
    path.write_text(CBF)
    program = ConicProgram.read(path)
    assert program.cones == Cones(1, 2, (2, 2), (2,))
    solution = get_solver("clarabel").solve(program)
    assert -solution.primal_objective == pytest.approx(4.0, abs=1e-6)
    row = program.cones.zero + program.cones.nonnegative
    slack = program.b - program.A @ np.array([0, 1.5, 8.0, 0, 0, 0, 0, 0])
    # Rotated cone of (x_1 + 1/2, x_2) = (2, 8) turned by 45 degrees.
    assert slack[row : row + 2] == pytest.approx([10 / np.sqrt(2), -6 / np.sqrt(2)])


HEAD = "2\n2\n2 -1\n1 1\n"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 0, "the file ends where the number of variables"),
        ("x\n", 1, "whole number"),
        ("0\n", 1, "between 1 and"),
        ("99999999999\n", 1, "between 1 and"),
        ("9" * 5000, 1, "whole number"),
        ("2\n1\n0\n", 3, "block size is 0"),
        ("2\n1\n2000000\n", 3, "at most"),
        ("2\n3\n5000 5000 5000\n", 3, "at most"),
        ("2\n2\n2\n", 3, "the file ends where the sizes of 2 blocks"),
        ("2\n1\n2\n1 2 3\n", 4, "more than 2 objective"),
        ("2\n1\n2\n1\n", 4, "the file ends where 2 objective coefficients"),
        ("2\n1\n2\n1 nan\n", 4, "not a finite number"),
        (HEAD + "0 1 1 1\n", 5, "found 4 fields"),
        (HEAD + "3 1 1 1 1\n", 5, "matrix is 3"),
        (HEAD + "1 3 1 1 1\n", 5, "block is 3"),
        (HEAD + "1 1 3 1 1\n", 5, "row is 3"),
        (HEAD + "1 2 1 2 1\n", 5, "column is 2"),
        (HEAD + "1 1 1 2 inf\n", 5, "not a finite number"),
        (HEAD + "1 1 1 2 1\n* note\n1 1 2 1 1\n", 7, "given twice"),
        (
            '"polyopt conic program; equalities: 9; offset: 0; form: primal\n' + HEAD,
            5,
            "not as many",
        ),
        (
            '"polyopt conic program; equalities: 1; offset: 0; form: primal\n1\n1\n-2\n1\n'
            "1 1 1 1 1\n",
            6,
            "not pairs",
        ),
        ("\x00\xff\x01\n", 1, "whole number"),
    ],
)
def test_malformed_sdpa(text: str, line: int, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.dat-s"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(FormatError) as caught:
        ConicProgram.read(path)
    assert str(caught.value).startswith(f"file.dat-s, line {line}: ")
    assert reason in str(caught.value)


def _cbf(*sections: str) -> str:
    return "\n".join(("VER", "3", "OBJSENSE", "MIN", *sections)) + "\n"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 0, "the file ends where VER"),
        ("VER\n9\n", 2, "version is 9"),
        ("VER\n3\n", 2, "OBJSENSE is missing"),
        ("OBJSENSE\n", 1, "VER should stand here"),
        ("VER\n3\nOBJSENSE\nLOW\n", 4, "MIN or MAX"),
        (_cbf("INT", "1", "0"), 5, "not supported"),
        (_cbf("VAR", "2 1", "EXP 2"), 7, "not supported"),
        (_cbf("VAR", "2 1", "F 3"), 7, "have 3 members"),
        (_cbf("VAR", "2", "F 2"), 6, "needs 2 fields"),
        (_cbf("VAR", "99999999999 1", "F 99999999999"), 6, "between 0 and"),
        (_cbf("VAR", "2 1", "QR 1"), 7, "at least two"),
        (_cbf("PSDCON", "1", "1000000"), 7, "at most"),
        (_cbf("PSDCON", "999999", "4"), 7, "the file ends"),
        (_cbf("VAR", "1 1", "F 1", "VAR", "1 1", "F 1"), 8, "occurs twice"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "1", "0 1", "CON", "1 1", "L+ 1"), 11, "before"),
        (_cbf("ACOORD", "1", "0 0 1"), 7, "there is no constraint"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "1", "1 1"), 10, "variable is 1"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "1", "-1 1"), 10, "variable is -1"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "2", "0 1", "0 2"), 11, "given twice"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "9999999999999", "0 1"), 10, "the file ends"),
        (_cbf("VAR", "1 1", "F 1", "OBJACOORD", "1", "0 1e999"), 10, "not a finite number"),
    ],
)
def test_malformed_cbf(text: str, line: int, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.cbf"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        ConicProgram.read(path)
    assert str(caught.value).startswith(f"file.cbf, line {line}: ")
    assert reason in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_give_a_format_error_or_a_program(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any token replaced by any other: never another exception."""
    ending = data.draw(st.sampled_from(ENDINGS))
    folder = tmp_path_factory.mktemp("damaged")
    KNOWN["lovasz_theta"].program.write(folder / f"good{ending}")
    words = (folder / f"good{ending}").read_text().split(" ")
    tokens = [token for part in words for token in part.split("\n")]
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from([*tokens[:40], "-1", "1e9", "\n", "", "CON", "0"]))
    path = folder / f"bad{ending}"
    path.write_text(" ".join(words))
    with contextlib.suppress(FormatError):
        program = ConicProgram.read(path)
        assert program.A.shape == (program.cones.rows, len(program.c))
        assert np.isfinite(program.A.data).all()


def test_what_a_format_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no second-order cones.*write \.cbf"):
        KNOWN["projection"].program.write(tmp_path / "file.dat-s")
    empty = ConicProgram([], np.zeros((1, 0)), [1.0], Cones(nonnegative=1))
    with pytest.raises(FormatError, match="at least one variable"):
        empty.write(tmp_path / "file.dat-s")
    with pytest.raises(FormatError, match=r"ending in '\.txt' are not known"):
        empty.write(tmp_path / "file.txt")
    with pytest.raises(FormatError, match="ending in 'nothing'"):
        ConicProgram.read(tmp_path / "file")
    assert not list(tmp_path.iterdir())
    empty.write(tmp_path / "file.cbf")
    _assert_same(empty, ConicProgram.read(tmp_path / "file.cbf"))
