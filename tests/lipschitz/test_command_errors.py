"""What the command line says of input that cannot be used: one message, no traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.cli import main
from lipschitz_app.store import open_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with a network of 2 inputs and 3 outputs, points, labels and much that is broken."""
    path = tmp_path_factory.mktemp("errors")
    weights = [np.array([[1.0, 2.0], [-1.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])]
    la.Network.from_arrays(weights).save(path / "net.npz")
    np.savez(path / "nan.npz", W1=np.array([[np.nan, 1.0]]), W2=np.ones((1, 1)))
    np.savez(path / "shapes.npz", W1=np.ones((2, 2)), W2=np.ones((1, 3)))
    np.savez(path / "pickled.npz", W1=np.array([{"run": "me"}], dtype=object))
    (path / "text.npz").write_text("not an archive")
    (path / "broken.onnx").write_bytes(b"\x08\x07garbage that is no model")
    (path / "broken.pt").write_bytes(b"PK no archive")
    (path / "net.weights").write_text("1 2 3")
    np.save(path / "x.npy", np.zeros(2))
    np.save(path / "two.npy", np.array([[0.0, 0.0], [0.5, 0.5]]))
    np.save(path / "long.npy", np.zeros(3))
    np.save(path / "wide.npy", np.zeros((4, 5)))
    np.save(path / "nan.npy", np.array([0.0, np.nan]))
    np.save(path / "none.npy", np.zeros((0, 2)))
    np.save(path / "objects.npy", np.array([None, "x"], dtype=object))
    (path / "cut.npy").write_bytes((path / "x.npy").read_bytes()[:-3])
    np.save(path / "labels3.npy", np.array([0, 1, 2]))
    np.save(path / "labels9.npy", np.array([0, 9]))
    np.save(path / "halves.npy", np.array([0.0, 1.5]))
    (path / "words.txt").write_text("zero zero\n")
    (path / "damaged.jsonl").write_text("no JSON\n")
    (path / "other.jsonl").write_text('{"key": "a", "version": 99}\n')
    with open_store(path / "busy.jsonl"):
        yield path


CASES = [
    # Network files.
    ("bound gone.npz", "gone.npz: no such file"),
    ("sweep gone.npz --inputs x.npy --radius 1", "gone.npz: no such file"),
    ("bound nan.npz", "NaN"),
    ("bound shapes.npz", "takes 3 inputs but gets 2"),
    ("bound text.npz", "text.npz"),
    ("bound pickled.npz", "pickle"),
    ("bound net.weights", "net.weights"),
    ("compare broken.onnx", "broken.onnx"),
    ("certify broken.pt --inputs x.npy", "broken.pt"),
    # Points and regions.
    ("bound net.npz --output 0 --center gone.npy --radius 1", "gone.npy: no such file"),
    ("bound net.npz --output 0 --center long.npy --radius 1", "3 inputs, the network 2"),
    ("bound net.npz --output 0 --center nan.npy --radius 1", "nan at position 1"),
    ("bound net.npz --output 0 --center objects.npy --radius 1", "objects.npy: not an array"),
    ("bound net.npz --output 0 --center cut.npy --radius 1", "cut.npy: not an array"),
    ("bound net.npz --output 0 --center words.txt --radius 1", "words.txt: not an array"),
    ("bound net.npz --output 0 --center x.npy --radius -0.1", "-0.1 is negative"),
    ("bound net.npz --output 0 --center x.npy --radius nan", "radius"),
    ("bound net.npz --output 0 --center x.npy", "--center and --radius go together"),
    ("bound net.npz --output 0 --center x.npy --radius 0.1 --domain 1 2", "no point in common"),
    ("bound net.npz --output 0 --domain 1 0", "the box is empty"),
    ("sweep net.npz --inputs wide.npy --radius 1 --outputs 0", "of shape (4, 5) is neither"),
    ("sweep net.npz --inputs long.npy --radius 1 --outputs 0", "of shape (3,) is neither"),
    ("sweep net.npz --inputs none.npy --radius 1 --outputs 0", "of shape (0, 2) is neither"),
    ("sweep net.npz --inputs two.npy --radius 0.1 -1 --outputs 0", "-1 is negative"),
    ("sweep net.npz --inputs x.npy --radius 0.1 --outputs 0 --domain 2 3", "no point in common"),
    ("certify net.npz --inputs x.npy --radius -1", "radius is -1"),
    ("certify net.npz --inputs x.npy --radius 0.1 --domain 2 3", "no point in common"),
    # Outputs, norms, methods, numbers.
    ("bound net.npz", "say which"),
    ("bound net.npz --output 7", "output 7 does not exist"),
    ("compare net.npz --output 0-9", "output 9 does not exist"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 a-b", "none of: an index"),
    ("bound net.npz --output 1,2", "has shape (2,)"),
    ("bound net.npz --output 0 --norm 3", "norm '3' is not known"),
    ("compare net.npz --output 0 --norm 3", "norm '3' is not known"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --norm 3", "norm '3' is not known"),
    ("certify net.npz --inputs x.npy --norm 3", "norm '3' is not known"),
    ("certify net.npz --inputs x.npy --norm 1", "norms 2 and"),
    ("bound net.npz --output 0 --output-norm 2", "for the whole output vector"),
    ("bound net.npz --output 0 --method magic", "'magic' is not known"),
    ("compare net.npz --output 0 --methods shor magic", "'magic' is not known"),
    ("sweep net.npz --inputs x.npy --radius 1 --methods magic", "'magic' is not known"),
    ("certify net.npz --inputs x.npy --method magic", "'magic' is not known"),
    ("bound net.npz --output 0 --ranges wide", "ranges"),
    ("bound net.npz --output 0 --gap 0", "gap is 0"),
    ("bound net.npz --output 0 --time-limit -1", "time_limit is -1"),
    ("compare net.npz --output 0 --time-limit 0", "time_limit is 0"),
    ("bound net.npz --output 0 --seed -1", "--seed is -1"),
    ("bound net.npz --output 0 --solver nonsense", "no solver 'nonsense'"),
    ("certify net.npz --inputs x.npy --steps 0", "steps is 0"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --jobs 0", "n_jobs is 0"),
    # Labels and stores.
    ("certify net.npz --inputs two.npy --labels labels3.npy --radius 1", "2 inputs and 3 labels"),
    ("certify net.npz --inputs two.npy --labels labels9.npy --radius 1", "label 9 at position 1"),
    ("certify net.npz --inputs two.npy --labels halves.npy --radius 1", "label 1.5 at position 1"),
    ("certify net.npz --inputs two.npy", "2 inputs and no --radius"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --store busy.jsonl", "is in use"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --store damaged.jsonl", "line 1: is no"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --store other.jsonl", "another version"),
    ("sweep net.npz --inputs x.npy --radius 1 --outputs 0 --store no/file", "cannot be opened"),
    ("certify net.npz --inputs x.npy --radius 1 --store damaged.jsonl", "line 1: is no"),
    ("certify net.npz --inputs x.npy --radius 1 --store .", "cannot be opened"),
    # The command line itself.
    ("bound", "the following arguments are required: network"),
    ("sweep net.npz --inputs x.npy --outputs 0", "required: --radius"),
    ("sweep net.npz --radius 1", "required: --inputs"),
    ("bound net.npz --radius wide --center x.npy", "invalid float value: 'wide'"),
    ("measure net.npz", "invalid choice: 'measure'"),
]


@pytest.mark.parametrize(("command", "message"), CASES, ids=[case[0] for case in CASES])
def test_bad_input(
    command: str,
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    try:
        status = main(shlex.split(command))
    except SystemExit as end:  # argparse's own
        status = int(str(end.code))
    out, err = capsys.readouterr()
    assert status == 2, err
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_process_says_the_same(folder: Path) -> None:
    root = Path(la.__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "lipschitz_app", "bound", "nan.npz", "--quiet"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nan.npz")
    assert len(done.stderr.splitlines()) == 1
