"""Processes that a test process started end with it."""

from __future__ import annotations

import subprocess
import sys

from tests.planning import PROJECT

LASTING = "import sys, time; print('started'); time.sleep(60); print('still there', file=sys.stderr)"
KILLED = f"""
import os, signal, subprocess, sys
from tests.ended_processes import noted, register

lasting = [sys.executable, "-u", "-c", {LASTING!r}]
process = subprocess.Popen(noted(register(), "it", lasting), stdout=subprocess.PIPE)
os.write(1, process.stdout.readline())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_noted_process_ends_when_the_test_process_is_killed() -> None:
    # A surviving process would keep stderr open, and `run` would wait for it.
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-9, "started\n", "")
