"""`python -m rehearsal.watch` on a copy of the workshop: what each save changes in the plan and in the verdict.

Each save replaces a file or a folder at once, as editors do, and each report ends with an empty line, so no test
depends on the machine's speed.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.forked_modules import run_as_main, run_module
from tests.forked_packs import fork_packs
from tests.forks import running
from tests.rehearsal.conftest import PACKS, ROOT, heeding_signals

DEADLINE = 300
"""Seconds after which a missing plan counts as a failure."""


class Watch:
    """The output of a running watch; `next` returns its report on the next plan, without the time."""

    def __init__(self, printed: IO[str]) -> None:
        self._printed = printed
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._printed:
            self._lines.put(line.rstrip())
        self._lines.put("the watch has ended")

    def next(self) -> list[str]:
        head, *lines = iter(lambda: self._lines.get(timeout=DEADLINE), "")
        found = re.fullmatch(r"\d\d:\d\d:\d\d (.+?)(?: \(\d+\.\d\d s\))", head)
        assert found, head
        return [found[1], *lines]


def options(project: Path) -> list[str]:
    """The watch's options. Its own output doesn't count as a change of the project."""
    return ["--project", str(project), "--stack", "dev", "--json", str(project / "plan.json")]


def watch_with_forked_packs(project: Path) -> int:
    fork_packs()
    return run_as_main(ROOT, "rehearsal.watch", options(project))


@pytest.fixture
def watch(workshop: Path) -> Iterator[Watch]:
    process, printed = running(watch_with_forked_packs, workshop)
    yield Watch(printed)
    process.terminate()
    process.join()


def save(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    part = file.with_suffix(".part")
    part.write_text(text.replace(old, new))
    part.replace(file)


def test_each_save_is_planned_and_its_changes_are_reported(watch: Watch, workshop: Path, tmp_path: Path) -> None:
    program = workshop / "__main__.py"
    first = watch.next()
    assert re.fullmatch(r"\d+ resources, passed", first[0])
    assert any("advisory house/lonely-bench" in line for line in first)

    save(program, '"dev-reader"', '"dev-writer"')
    at = f"__main__.py:{line_of(program, 'role = Thing(')}"
    assert watch.next() == [
        "1 changed, passed",
        "  reader (aws:iam:Role) is replaced because of `name`: the old one is deleted, then a new one is created."
        f"  {at}",
        f"  replace reader (aws:iam:Role)  {at}",
        "    name: dev-reader -> dev-writer",
    ]

    save(program, 'f"rc-{name}"', 'f"x-{name}"')
    at = f"__main__.py:{line_of(program, 'x-{name}')}"
    rule = f"mandatory house/bucket-prefix: bench-drawer (aws:s3:Bucket)  {at}"
    assert watch.next() == [
        "1 changed, failed, 1 mandatory",
        "  can't succeed: bench-drawer (aws:s3:Bucket) is protected, and would be replaced because of `bucket`. "
        f"Remove `protect` first, and apply that.  {at}",
        f"  replace bench-drawer (aws:s3:Bucket)  {at}",
        "    bucket: rc-bench-drawer -> x-bench-drawer",
        f"  new: {rule}",
        "    The name doesn't start with rc-.",
        "    To fix: rename the bucket.",
    ]
    written = json.loads((workshop / "plan.json").read_text())
    assert "bucket-prefix" in {violation["policy"] for violation in written["policyViolations"]}

    # A changed configuration needs new packs. A violation that is gone is shown without a remedy.
    config = tmp_path / "config"
    config.mkdir()
    (config / "house.dev.json").write_text('{"bucket-prefix": {"prefix": "x-"}}')
    config.rename(workshop / "policies" / "config")
    assert watch.next() == ["same plan, passed", f"  gone: {rule}"]

    # A changed rule needs new packs too.
    save(workshop / "policies" / "house" / "__main__.py", "There is only one bench.", "One bench is lonely.")
    reworded = watch.next()
    assert reworded[0] == "same plan, passed"
    assert "    One bench is lonely." in reworded


def test_an_outdated_plan_is_not_shown(watch: Watch, workshop: Path, tmp_path: Path) -> None:
    program = workshop / "__main__.py"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    watch.next()
    save(program, '"dev-reader"', f'"dev-half" + open({str(gate)!r}).read()')
    # The open succeeds once the program opens it too: the plan is then under way, and waits for input.
    with gate.open("w"):
        save(program, f'"dev-half" + open({str(gate)!r}).read()', '"dev-writer"')
    assert watch.next()[-1] == "    name: dev-reader -> dev-writer"


@dataclass(frozen=True)
class Parts:
    """Two modules that the program loads, `early` and `late`; each records in a file which process loads it."""

    folder: Path
    loads: Path

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.py"

    def last_loads(self) -> list[str]:
        """Return what the newest process has loaded so far."""
        loads = [line.split() for line in self.loads.read_text().splitlines()]
        return [name for process, name in loads if process == loads[-1][0]]

    def wait_for_a_run_before_the_late_one(self) -> None:
        """Wait until a process has started running the program in advance, and stopped before the second module."""
        while self.last_loads() != ["early", "late", "early"]:
            time.sleep(0.1)


@pytest.fixture
def parts(workshop: Path, tmp_path: Path) -> Parts:
    parts = Parts(workshop, tmp_path / "loads")
    for name in ("early", "late"):
        note = f"print(os.getpid(), '{name}', file=open({str(parts.loads)!r}, 'a'))"
        parts.path(name).write_text(f"import os\n{note}\nNAME = '{name}-1'\n")
    program = workshop / "__main__.py"
    save(program, '"dev-reader"', 'f"{early.NAME}-{late.NAME}"')
    save(program, "import json\n", "import early\nimport late\nimport json\n")
    shutil.copytree(PACKS / "counting", workshop / "policies" / "counting")
    return parts


def test_a_run_in_advance_waits_before_the_file_that_was_saved_last(parts: Parts, watch: Watch, tmp_path: Path) -> None:
    # A pack that keeps state across plans isn't asked in advance runs, so its count stays and isn't reported again.
    assert "    The pack has been asked about 1." in watch.next()
    save(parts.path("late"), "late-1", "late-2")
    assert watch.next()[-1] == "    name: early-1-late-1 -> early-1-late-2"
    parts.wait_for_a_run_before_the_late_one()
    save(parts.path("late"), "late-2", "late-3")
    assert watch.next()[-1] == "    name: early-1-late-2 -> early-1-late-3"
    parts.wait_for_a_run_before_the_late_one()
    # A module that was loaded already is loaded again.
    save(parts.path("early"), "early-1", "early-2")
    assert watch.next()[-1] == "    name: early-1-late-3 -> early-2-late-3"
    # Python's byte code can't distinguish two sources of the same length and second.
    saved, again = parts.path("early"), tmp_path / "early"
    again.write_text(saved.read_text().replace("early-2", "early-3"))
    second, nanosecond = divmod(saved.stat().st_mtime_ns, 10**9)
    os.utime(again, ns=(0, second * 10**9 + (nanosecond + 1) % 10**9))
    again.replace(saved)
    assert watch.next()[-1] == "    name: early-2-late-3 -> early-3-late-3"
    save(parts.path("late"), "late-3", "late-4")
    watch.next()
    parts.wait_for_a_run_before_the_late_one()
    # A new package can take the place of a loaded module, since Python looks for packages first.
    package = parts.folder / "early"
    package.mkdir()
    (package / "__init__.py").write_text('NAME = "early-4"\n')
    assert watch.next()[-1] == "    name: early-3-late-4 -> early-4-late-4"


def test_a_failing_program_is_reported_and_the_next_save_is_compared_with_the_last_complete_plan(
    watch: Watch, workshop: Path
) -> None:
    program = workshop / "__main__.py"
    watch.next()
    save(program, "bench = Bench(", "bench = = Bench(")
    failed = watch.next()
    assert failed[0] == "failed"
    assert failed[1].startswith("  error: __main__.py:")
    assert "SyntaxError" in failed[1]
    save(program, "bench = = Bench(", "bench = Bench(")
    assert watch.next() == ["same plan, passed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ending_the_watch_leaves_no_pack_behind(number: signal.Signals, workshop: Path) -> None:
    with heeding_signals():
        process = subprocess.Popen(
            [sys.executable, "-m", "rehearsal.watch", *options(workshop)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    assert process.stdout
    Watch(process.stdout).next()
    while not packs(process):  # the packs of the next plan start in advance
        time.sleep(0.1)
    process.send_signal(number)
    process.wait(timeout=DEADLINE)
    assert packs(process) == []


def packs(watch: subprocess.Popen[str]) -> list[str]:
    """The processes of running packs."""
    session = ["pgrep", "--session", str(watch.pid), "--full", "pulumi.policy"]
    return subprocess.run(session, capture_output=True, text=True, check=False).stdout.split()


def test_an_unknown_stack_is_refused(workshop: Path) -> None:
    done = run_module(ROOT, "rehearsal.watch", "--project", str(workshop), "--stack", "nowhere")
    assert done.code == 2
    assert "stacks here: dev, prod" in done.err


def line_of(file: Path, text: str) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)
