"""BLAS is held to one thread, and put back, however blocks nest and overlap."""

from __future__ import annotations

import threading

from threadpoolctl import threadpool_info

from polyopt.solvers import one_blas_thread


def counts() -> list[int]:
    return [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]


def test_one_thread_inside_and_as_before_after() -> None:
    before = counts()
    with one_blas_thread():
        assert set(counts()) <= {1}
        with one_blas_thread():
            pass
        assert set(counts()) <= {1}
    assert counts() == before


def test_other_threads_leave_the_setting_alone() -> None:
    before, seen = counts(), []

    def enter() -> None:
        with one_blas_thread():
            seen.append(counts())
        seen.append(counts())

    other = threading.Thread(target=enter)
    other.start()
    other.join()
    assert seen == [before, before]
    assert counts() == before


def test_errors_put_it_back() -> None:
    before = counts()
    try:
        with one_blas_thread():
            raise KeyError("x")
    except KeyError:
        pass
    assert counts() == before
