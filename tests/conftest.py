"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run, and no deadline: machines differ in speed.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# A shell that runs the tests in the background has them ignore Ctrl-C, which children inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(20200207)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Published networks and results that are not part of the project.

    Looked for through the environment variable ``POLYOPT_SHARED_DATA``, else beside the repository.
    """
    path = Path(os.environ.get("POLYOPT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"published data not found at {path}; set POLYOPT_SHARED_DATA")
    return path
