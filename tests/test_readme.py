"""What the pages say is run: Python blocks, shell commands, outputs and links.

In README.md and CONTRIBUTING.md every ``python`` block is a program of its own, and the commands
after it find its files. A page of docs/ is one session: its blocks run in their order, in one
namespace and one directory. What a block prints is the ``text`` block that follows (nothing, if
none follows). The same goes for the commands of ``sh`` blocks that run ``python -m polyopt`` or
``python -m lipschitz_app``, whose output is compared only where a page shows it. Warnings are
errors.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *REPOSITORY.glob("docs/**/*.md")]
)
MAKE_TARGETS = set(
    re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page and the ``text`` block right after it."""

    page: Path
    line: int
    language: str
    code: str
    output: str

    @property
    def label(self) -> str:
        """Page and line, for the names of tests."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Fenced blocks of a page in order; ``text`` blocks belong to the one before them."""
    text = page.read_text(encoding="utf-8")
    fences = list(re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```[ ]*$", text, re.MULTILINE | re.DOTALL))
    found = []
    for index, fence in enumerate(fences):
        output = ""
        if index + 1 < len(fences) and fences[index + 1][1] == "text":
            between = text[fence.end() : fences[index + 1].start()]
            output = "" if between.strip() else fences[index + 1][2]
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, fence[1], fence[2], output))
    return found


BLOCKS = [block for page in PAGES for block in blocks(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
SHELL = [block for block in BLOCKS if block.language == "sh"]


def run(arguments: list[str], folder: Path, given: str = "") -> str:
    """Run this interpreter, warnings as errors, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        input=given,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(block: Block) -> list[str]:
    """Commands of a shell block, without comments."""
    lines = block.code.replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def runnable(block: Block) -> list[list[str]]:
    """Arguments of the commands that run one of the two packages, the demonstration left out."""
    split = [shlex.split(command) for command in commands(block)]
    return [
        words[1:]
        for words in split
        if words[:2] == ["python", "-m"]
        and words[2] in ("polyopt", "lipschitz_app")
        and words[3:4] != ["demo"]
    ]


def programs(found: list[Block]) -> list[list[Block]]:
    """Split README.md and CONTRIBUTING.md into Python blocks and the commands after each."""
    split: list[list[Block]] = []
    for block in found:
        if block.page.parent != REPOSITORY:
            continue
        if block.language == "python" or not split or split[-1][0].page != block.page:
            split.append([])
        split[-1].append(block)
    return split


RUNNABLE = [b for b in BLOCKS if b.language == "python" or (b.language == "sh" and runnable(b))]
PROGRAMS = programs(RUNNABLE)
SESSIONS = sorted({b.page for b in RUNNABLE if b.page.parent != REPOSITORY})

#: Runs the Python blocks of a page in one namespace; what it is given and returns is JSON.
SESSION = """
import contextlib, io, json, subprocess, sys

names = {"__name__": "__main__"}
printed = []
for step in json.load(sys.stdin):
    out = io.StringIO()
    if "code" in step:
        # Tracebacks get the line numbers of the page.
        code = compile("\\n" * step["line"] + step["code"], step["page"], "exec")
        with contextlib.redirect_stdout(out):
            exec(code, names)
    for arguments in step.get("commands", []):
        command = [sys.executable, "-W", "error", *arguments]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        out.write(done.stdout)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


def test_readme_shows_both_examples_with_their_output() -> None:
    examples = [block for block in PYTHON if block.page.name == "README.md"]
    imported = [block.code.split()[1] for block in examples if block.output]
    assert imported == ["polyopt", "lipschitz_app"]


def skip_without_extras(found: list[Block]) -> None:
    """Skip, saying so, where a block imports an extra that is not installed."""
    for block in found:
        for package in re.findall(r"^import (onnx|torch)$", block.code, re.MULTILINE):
            pytest.importorskip(package, reason=f"{block.label} needs {package}")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0].label)
def test_program_does_what_the_page_says(program: list[Block], tmp_path: Path) -> None:
    skip_without_extras(program)
    for block in program:
        if block.language == "python":
            (tmp_path / "block.py").write_text(block.code, encoding="utf-8")
            printed = run(["block.py"], tmp_path)
        else:
            printed = "".join(run(arguments, tmp_path) for arguments in runnable(block))
            assert printed, block.label
        if block.output or block.language == "python":
            assert printed.rstrip() == block.output.rstrip(), block.label


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_session_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    session = [block for block in RUNNABLE if block.page == page]
    skip_without_extras(session)
    steps = [
        {"code": block.code, "line": block.line, "page": str(page)}
        if block.language == "python"
        else {"commands": runnable(block)}
        for block in session
    ]
    printed = json.loads(run(["-c", SESSION], tmp_path, json.dumps(steps)))
    for block, output in zip(session, printed, strict=True):
        if block.output or block.language == "python":
            assert output.rstrip() == block.output.rstrip(), block.label
        else:
            assert output, block.label


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.label)
def test_make_commands_have_targets(block: Block) -> None:
    for command in commands(block):
        words = shlex.split(command)
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= MAKE_TARGETS, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"
