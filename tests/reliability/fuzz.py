"""Readers of files under hostile input: mutated files in a child process with limits.

Run ``python -m tests.reliability.fuzz [--seconds 60] [--seed 0] [--only NAME ...]`` with
``OMP_NUM_THREADS=1``. Valid files of each format are damaged (bits, bytes, pieces, numbers, members
of archives, nodes of JSON trees; checksums are made to fit again) and read in a child process that
may take 1.5 GiB more than it has and 10 seconds a file. A case fails where anything but a
documented exception comes out: another exception, a crash, a lack of memory, a timeout. Failing
files are kept in ``--keep DIRECTORY``. The table printed at the end is that of docs/reliability.md.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np

from tests.reliability.formats import Target, targets

HEADROOM = 3 * 2**29
SECONDS_A_FILE = 10


def _limit() -> None:
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + HEADROOM, used + HEADROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _TooSlowError(BaseException):
    """Not an Exception, so that no reader turns it into an error of its own."""


def _timeout(*_: Any) -> None:
    raise _TooSlowError


def _child(name: str, seed: int, seconds: float, folder: str, queue: Any) -> None:
    """Try files until the deadline; the case at work lies in the folder if this process dies."""
    target = next(target for target in targets() if target.name == name)
    faulthandler.enable()
    warnings.simplefilter("error")
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGALRM, _timeout)
    path = Path(folder, "case" + target.suffix)
    valid = target.make()
    for data in valid:
        path.write_bytes(data)
        target.read(path)
    _limit()
    outcomes: Counter[str] = Counter()
    count = 0
    queue.put(("count", 0, {}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = target.mutate(valid[int(rng.integers(len(valid)))], rng)
        path.write_bytes(data)
        failure = ""
        signal.alarm(SECONDS_A_FILE)
        try:
            target.read(path)
            outcomes["read"] += 1
        except target.documented as error:
            outcomes[type(error).__name__] += 1
            if not str(error).strip():
                failure = f"{type(error).__name__} without a message"
        except _TooSlowError:
            failure = f"more than {SECONDS_A_FILE} s"
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)
            own = [f for f in where if "site-packages" not in f.filename] or where
            place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
            failure = f"{type(error).__name__} at {place}: {str(error)[:100]}"
        finally:
            signal.alarm(0)
        count += 1
        if failure:
            queue.put(("failure", failure, data))
        if count % 20 == 0 or failure:
            queue.put(("count", count, dict(outcomes)))
    queue.put(("count", count, dict(outcomes)))
    queue.put(("end", 0, {}))


def _next(queue: Any, child: Any, patience: float) -> Any:
    """Wait for a message for as long as the child lives and patience lasts."""
    end = time.monotonic() + patience
    while True:
        try:
            return queue.get(timeout=1)
        except Empty:
            if time.monotonic() > end or not child.is_alive():
                return queue.get(timeout=1)


def campaign(
    target: Target, seconds: float, seed: int, keep: Path | None
) -> tuple[int, Counter[str], Counter[str]]:
    """Number of files, outcomes, and failures with how often each occurred."""
    context = multiprocessing.get_context("spawn")
    left = seconds
    total, outcomes, failures = 0, Counter[str](), Counter[str]()
    while left > 1:
        queue = context.Queue()
        with tempfile.TemporaryDirectory() as folder:
            child = context.Process(target=_child, args=(target.name, seed, left, folder, queue))
            child.start()
            last: tuple[int, dict[str, int]] = (0, {})
            ended, patience, begin = False, 300, time.monotonic()
            while not ended:
                try:
                    kind, content, more = _next(queue, child, patience)
                except Empty:
                    if not child.is_alive() and child.exitcode == 1:
                        raise RuntimeError(f"{target.name}: the campaign itself failed") from None
                    data = next(Path(folder).glob("case*")).read_bytes()
                    state = "does not answer" if child.is_alive() else f"died ({child.exitcode})"
                    _note(failures, f"the process {state}", data, target, keep)
                    child.kill()
                    break
                if patience == 300:
                    patience, begin = SECONDS_A_FILE + 20, time.monotonic()
                if kind == "failure":
                    _note(failures, content, more, target, keep)
                elif kind == "count":
                    last = (content, more)
                ended = kind == "end"
            child.join()
            left = 0.0 if ended else left - (time.monotonic() - begin)
            total += last[0]
            outcomes.update(last[1])
            seed += 1000
    return total, outcomes, failures


def _note(
    failures: Counter[str], text: str, data: bytes, target: Target, keep: Path | None
) -> None:
    if not failures[text]:
        print(f"  {target.name}: {text}", flush=True)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            number = len(list(keep.iterdir()))
            (keep / f"{target.name.replace(' ', '-')}-{number}{target.suffix}").write_bytes(data)
    failures[text] += 1


def main() -> None:
    """Run the campaigns one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="for each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="names of formats")
    parser.add_argument("--keep", type=Path, help="where to put failing files")
    arguments = parser.parse_args()
    rows = []
    for target in targets():
        if arguments.only and target.name not in arguments.only:
            continue
        print(f"{target.name} …", flush=True)
        count, outcomes, failures = campaign(
            target, arguments.seconds, arguments.seed, arguments.keep
        )
        shown = ", ".join(f"{name} {number}" for name, number in sorted(outcomes.items()))
        rows.append(f"| {target.name} | {count} | {sum(failures.values())} | {shown} |")
    print("| format | files | failures | outcomes |\n| --- | ---: | ---: | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
