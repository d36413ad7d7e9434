"""The embedded engine against the real one, on one stack: plans, the packs' share, and `watch` from save to verdict.

Run with `.venv/bin/python -m benchmarks.engine [ROUNDS]`; needs the Pulumi CLI on the path. The real engine talks to
the stand-in providers of the engine tests, on an empty account and a local backend. All commands take turns within a
round, so that a drift of the machine's speed affects them alike. Medians, and the medians of each round's ratios,
are printed as Markdown.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.preview import PROJECT, bare_import, requested_rounds
from operations.deploy import GATE_PROGRAM, pack_options
from policies.gate import LIST
from tests import session
from tests.engine.deployment import Deployment, prepared, stand_ins_of_their_own

STACK: Final = "prod"
TARGETS: Final = {
    "embedded / real preview": 0.4,
    "watch / real preview": 0.10,
    "the packs' share of a real preview": 0.15,
}
"""The highest ratios to the time of a preview on the real engine with every pack."""

_SAVED: Final = ("components/parameter_catalogue.py", "the deployer runs on", "the deployer runs in")
"""A change of the program that `watch` sees: file, text and its replacement; the next round changes it back."""


def seconds(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> float:
    """Run a command to its end and return its wall-clock seconds.

    Raises:
        subprocess.CalledProcessError: it failed, so there is nothing to measure.
    """
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return time.perf_counter() - started


_SETTLES: Final = 8
"""Seconds in which the packs of the next plan start, so that they don't slow down the next measurement."""


class Watch:
    """A running `python -m rehearsal.watch` on a copy of the project."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._verdict("resources")

    def save(self) -> float:
        """Save a change and return the seconds until the verdict is printed."""
        file, old, new = _SAVED
        path = self._folder / file
        text = path.read_text()
        started = time.perf_counter()
        path.write_text(text.replace(old, new) if old in text else text.replace(new, old))
        self._verdict("changed")
        took = time.perf_counter() - started
        time.sleep(_SETTLES)
        return took

    def _verdict(self, what: str) -> None:
        assert self._process.stdout is not None  # noqa: S101 - the process was started with a pipe
        for line in self._process.stdout:
            if re.match(r"\d\d:\d\d:\d\d ", line):
                if f" {what}, passed" not in line:
                    raise RuntimeError(line)
                return
        raise RuntimeError("watch ended")


@contextmanager
def watching(folder: Path) -> Iterator[Watch]:
    """Watch a copy of the project."""
    command = [sys.executable, "-m", "rehearsal.watch", "--project", str(folder), "--stack", STACK]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Watch(process, folder)
        finally:
            process.terminate()


_SILENT_PACK: Final = """\
from policies.rulebook import Rule, Severity

RULES = [Rule("nothing", "Nothing.", "None.", "", Severity.LOW, lambda *_: (), types=frozenset({"none"}))]
"""


def silent_gate(folder: Path) -> Path:
    """Make a project in a folder whose gate serves one rule that never applies, and return the gate's program.

    The time that a preview with it takes longer than one without a pack is the engine's own part of the packs' share.
    """
    packs = folder / "policies"
    for name in ("config", "nothing"):
        (packs / name).mkdir(parents=True)
    for name in (".venv", "policies/gate", "policies/rulebook"):
        (folder / name).symlink_to(PROJECT / name)
    shutil.copy(PROJECT / "policies" / "naming" / "PulumiPolicy.yaml", packs / "nothing")
    (packs / "nothing" / "__init__.py").write_text(_SILENT_PACK)
    (packs / LIST).write_text('["nothing"]')
    return packs / "gate" / GATE_PROGRAM


def commands(deployment: Deployment, silent: Path) -> dict[str, tuple[list[str], Path, dict[str, str] | None]]:
    """Return the measured commands: name -> command, folder, environment."""
    real = ["pulumi", "preview", "--stack", STACK, "--non-interactive"]
    environment = {**deployment.environment, "PULUMI_STACK": STACK}
    return {
        "bare import of the SDK modules": (bare_import(), PROJECT, None),
        "embedded engine, every pack": ([sys.executable, "-m", "rehearsal", "--stack", STACK], PROJECT, None),
        "pulumi preview, every pack": (
            [*real, *pack_options(deployment.project, STACK)],
            deployment.project,
            environment,
        ),
        "pulumi preview, a pack that says nothing": (
            [*real, "--policy-pack", str(silent)],
            deployment.project,
            environment,
        ),
        "pulumi preview, no pack": (real, deployment.project, deployment.environment),
    }


def main() -> int:
    """Print the comparison; return 1 if a ratio misses its target, 2 without a CLI."""
    rounds = requested_rounds(__doc__, 5)
    if not shutil.which("pulumi"):
        print("there is no `pulumi` on the path", file=sys.stderr)
        return 2
    version = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    runs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("session", "deployed"):
            Path(scratch, name).mkdir()
        os.environ.setdefault(session.FOLDER, f"{scratch}/session")  # files that all tests share
        deployment = prepared().deployment(Path(scratch, "deployed"), STACK)
        deployment.attached.stop()  # this process must not affect the measurement
        watched = Path(shutil.copytree(deployment.project, Path(scratch) / "watched", symlinks=True))
        with stand_ins_of_their_own(deployment), watching(watched) as watch:
            measured = commands(deployment, silent_gate(Path(scratch, "silent")))
            for command in measured.values():
                seconds(*command)  # a first run that doesn't count: byte code, file cache
            watch.save()
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                for name, command in measured.items():
                    runs.setdefault(name, []).append(seconds(*command))
                runs.setdefault("watch, from save to verdict", []).append(watch.save())
    bare, embedded, real, silent, unjudged, watch_runs = runs.values()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{rounds} rounds on {os.cpu_count()} cores (load {load}), Pulumi CLI {version}, stack {STACK}\n")
    print("| what | median s | min s | max s |\n|---|---|---|---|")
    for name, found in runs.items():
        print(f"| {name} | {statistics.median(found):.2f} | {min(found):.2f} | {max(found):.2f} |")
    own = statistics.median(a - b for a, b in zip(embedded, bare, strict=True))
    engine = statistics.median(a - b for a, b in zip(real, bare, strict=True))
    print(f"\nBeyond the bare import: the embedded engine takes {own:.2f} s, the real one {engine:.2f} s.")
    share, engines_share = (_share(judged, unjudged, real) for judged in (real, silent))
    ratios = dict(zip(TARGETS, (_ratio(embedded, real), _ratio(watch_runs, real), share), strict=True))
    for name, ratio in ratios.items():
        verdict = "met" if ratio <= TARGETS[name] else "missed"
        print(f"{name}: {ratio:.2f}, target {TARGETS[name]} or less: {verdict}")
    print(f"The engine's own part of that share, for any pack: {engines_share:.2f}")
    return int(any(ratio > TARGETS[name] for name, ratio in ratios.items()))


def _share(judged: Sequence[float], unjudged: Sequence[float], whole: Sequence[float]) -> float:
    return statistics.median((a - b) / c for a, b, c in zip(judged, unjudged, whole, strict=True))


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    sys.exit(main())
