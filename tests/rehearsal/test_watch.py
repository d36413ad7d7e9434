"""`python -m rehearsal.watch` on a copy of the workshop: what each save changes, in the plan and in the verdict."""

from __future__ import annotations

import json
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.conftest import ROOT

DEADLINE = 120
"""Seconds that a plan may take on a busy machine."""


class Watch:
    """A running watch; `next` returns what it prints about the next plan."""

    def __init__(self, project: Path, output: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rehearsal.watch", "--project", project, "--stack", "dev", "--json", output],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # What runs in the background of a shell ignores interrupts, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - before any thread of it
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> str:
        head = self._lines.get(timeout=DEADLINE)
        assert re.match(r"\d\d:\d\d:\d\d ", head), head
        lines = [re.sub(r"^\S+ | \(\d+\.\d\d s\)$", "", head.rstrip())]
        while True:
            try:
                lines.append(self._lines.get(timeout=1).rstrip())
            except queue.Empty:
                return "\n".join(lines)


@pytest.fixture
def watch(workshop: Path, tmp_path: Path) -> Iterator[Watch]:
    running = Watch(workshop, tmp_path / "plan.json")
    yield running
    running.process.kill()
    running.process.wait()


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_each_save_is_planned_and_told_by_what_it_changes(watch: Watch, workshop: Path, tmp_path: Path) -> None:
    program = workshop / "__main__.py"
    first = watch.next().splitlines()
    assert re.fullmatch(r"\d+ resources, passed", first[0])
    assert any("advisory house/lonely-bench" in line for line in first)

    replace(program, '"dev-reader"', '"dev-writer"')
    assert watch.next().splitlines() == [
        "1 changed, passed",
        f"  update reader (aws:iam:Role)  __main__.py:{line_of(program, 'role = Thing(')}",
        "    name: dev-reader -> dev-writer",
    ]

    replace(program, 'f"rc-{name}"', 'f"x-{name}"')
    broken = watch.next()
    assert broken.startswith("1 changed, failed, 1 mandatory\n")
    assert "\n  new: mandatory house/bucket-prefix: " in broken
    assert json.loads((tmp_path / "plan.json").read_text())["policyViolations"]

    # A configuration takes new packs.
    (workshop / "policies" / "config").mkdir()
    (workshop / "policies" / "config" / "house.dev.json").write_text('{"bucket-prefix": {"prefix": "x-"}}')
    mended = watch.next()
    assert mended.startswith("same plan, passed\n")
    assert "\n  gone: mandatory house/bucket-prefix: " in mended

    # So does a rule.
    replace(workshop / "policies" / "house" / "__main__.py", "There is only one bench.", "One bench is lonely.")
    reworded = watch.next()
    assert reworded.startswith("same plan, passed\n")
    assert "One bench is lonely." in reworded


def test_a_program_that_fails_is_told_and_the_next_save_compared_with_the_last_whole_plan(
    watch: Watch, workshop: Path
) -> None:
    program = workshop / "__main__.py"
    watch.next()
    replace(program, "bench = Bench(", "bench = = Bench(")
    failed = watch.next()
    assert failed.startswith("failed\n  error: __main__.py:")
    assert "SyntaxError" in failed
    replace(program, "bench = = Bench(", "bench = Bench(")
    assert watch.next() == "same plan, passed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_end_leaves_no_pack_behind(number: signal.Signals, watch: Watch) -> None:
    watch.next()
    watch.process.send_signal(number)
    watch.process.wait(timeout=30)
    group = watch.process.pid
    left = subprocess.run(["pgrep", "--pgroup", str(group)], capture_output=True, text=True, check=False).stdout
    assert left == ""


def test_an_unknown_stack_is_refused(workshop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal.watch", "--project", workshop, "--stack", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "stacks here: dev, prod" in done.stderr


def line_of(file: Path, text: str) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)
