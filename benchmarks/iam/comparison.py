"""Runs every tool on every document, each in its own process, and rates the verdicts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.iam import corpus, environments
from corpus.labelled import Labelled

CHECKOUT: Final = Path(__file__).resolve().parents[2]
"""The folder in which a judge is started, so that it finds this package and the pack."""


@dataclass(frozen=True)
class Tool:
    """A tool in one of its modes; `environment` is empty for the pack, which runs in the project's environment."""

    name: str
    judge: str
    environment: str = ""
    mode: str = "default"

    @property
    def module(self) -> str:
        """The module that judges with the tool."""
        return f"benchmarks.iam.judges.judge_{self.judge}"

    def python(self) -> Path:
        """Return the interpreter of its environment, which is created first if missing."""
        return environments.python(self.environment) if self.environment else Path(sys.executable)


PACK: Final = Tool("least-privilege pack", "own")
TOLD: Final = Tool("least-privilege pack, with complete findings", "own", mode="told")
TFPRIVESC: Final = Tool("tfprivesc 0.1.1", "tfprivesc", "tfprivesc")
TOOLS: Final = (
    PACK,
    Tool("parliament 1.6.4", "parliament", "parliament"),
    Tool("cloudsplaining 0.9.1", "cloudsplaining", "cloudsplaining"),
    Tool("cloudsplaining, all risky actions", "cloudsplaining", "cloudsplaining", "all"),
    Tool("Checkov 3.3.30", "checkov", "checkov"),
    TFPRIVESC,
    Tool("iam-policy-validator 1.31.4", "iam_validator", "iam-validator"),
    Tool("iam-policy-validator, every severity", "iam_validator", "iam-validator", "all"),
)

SLOW: Final = Tool("parliament, community auditors", "parliament", "parliament", "community")
"""This one runs only with `--community`: it takes five minutes or more, while all others together take one."""


@dataclass(frozen=True)
class Verdict:
    """A tool's verdict on one document; `flagged` is None if the tool doesn't judge its kind."""

    flagged: bool | None
    error: str
    seconds: float
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """All verdicts of one tool, with its times and memory."""

    tool: Tool
    load_ms: float
    memory_mb: float
    verdicts: Mapping[str, Verdict]

    def of(self, documents: Iterable[Labelled]) -> Run:
        """Return the part of the run that is about the given documents."""
        return replace(self, verdicts={document.key: self.verdicts[document.key] for document in documents})

    def per_second(self) -> float:
        """Return documents per second, without loading."""
        return len(self.verdicts) / self.seconds()

    def seconds(self) -> float:
        """Return the seconds for all documents."""
        return sum(verdict.seconds for verdict in self.verdicts.values())

    def slowest_ms(self) -> float:
        """Return the milliseconds of the slowest document."""
        return max(verdict.seconds for verdict in self.verdicts.values()) * 1000


def run(tools: Sequence[Tool], documents: Sequence[Labelled], folder: Path, rounds: int) -> list[list[Run]]:
    """Make tools judge all documents, each time in a fresh process; they take turns, as the machine's speed drifts.

    It returns the runs of each tool, a single one for a slow tool. Documents and verdicts are written into `folder`.

    Raises:
        subprocess.CalledProcessError: a tool's process failed.
        RuntimeError: two rounds gave different verdicts.
    """
    given, taken = folder / "documents.json", folder / "verdicts.json"
    corpus.write(documents, given)
    runs: list[list[Run]] = [[] for _ in tools]
    for _ in range(rounds):
        for tool, done in zip(tools, runs, strict=True):
            if done and done[0].seconds() > _LONG:
                continue
            turns = [_turn(tool, given, taken)]
            while turns[0].seconds() < _SHORT and len(turns) < _TURNS:
                turns.append(_turn(tool, given, taken))
            done.append(middle(turns))
    for done in runs:
        if len({tuple(verdict.flagged for verdict in one.verdicts.values()) for one in done}) > 1:
            raise RuntimeError(f"{done[0].tool.name} judges differently from one run to the next")
    return runs


def _turn(tool: Tool, given: Path, taken: Path) -> Run:
    subprocess.run([tool.python(), "-m", tool.module, given, taken, tool.mode], check=True, cwd=CHECKOUT)
    result = json.loads(taken.read_text(encoding="utf-8"))
    verdicts = {key: _verdict(entry) for key, entry in result["verdicts"].items()}
    return Run(tool, result["load_ms"], result["memory_mb"], verdicts)


def middle(runs: Sequence[Run]) -> Run:
    """Return the run in the middle by speed."""
    return sorted(runs, key=Run.per_second)[len(runs) // 2]


_LONG: Final = 60
"""A tool that takes longer than these seconds runs only once."""

_SHORT: Final = 2
"""For a tool that takes fewer seconds, a round is the middle of several turns, because a single one varies too much."""
_TURNS: Final = 5


def _verdict(entry: Mapping[str, Any]) -> Verdict:
    findings = entry["findings"]
    # A tool that raises stops a pipeline too, but says nothing about the document, so that counts as no finding.
    flagged = None if findings is None else bool(findings)
    return Verdict(flagged, entry["error"], entry["seconds"], tuple(findings or ()))


@dataclass(frozen=True)
class Share:
    """A share: so many of so many."""

    hits: int
    of: int

    def __str__(self) -> str:
        return f"{self.hits}/{self.of} ({100 * self.hits / self.of:.1f} %)" if self.of else "-"

    def rate(self) -> float:
        """Return the share as a number; 0 if there are none."""
        return self.hits / self.of if self.of else 0.0


def _share(run: Run, documents: Iterable[Labelled], wanted: Callable[[Labelled], bool]) -> Share:
    judged = [run.verdicts[document.key].flagged for document in documents if wanted(document)]
    return Share(sum(flagged is True for flagged in judged), len(judged))


def detection(run: Run, documents: Iterable[Labelled], kind: str, origin: str = "") -> Share:
    """Return how many of the documents labelled `block` are flagged; a document without a verdict isn't."""
    return _share(
        run, documents, lambda one: one.kind == kind and one.label == "block" and one.origin.startswith(origin)
    )


def false_alarms(run: Run, documents: Iterable[Labelled], kind: str, origin: str = "") -> Share:
    """Return how many of the documents labelled `allow` are flagged."""
    return _share(
        run, documents, lambda one: one.kind == kind and one.label == "allow" and one.origin.startswith(origin)
    )


def pairs(run: Run, documents: Iterable[Labelled], kind: str) -> Share:
    """Return how many pairs are told apart: the flawed document is flagged and its tight twin isn't."""
    told = [
        run.verdicts[document.key].flagged is True and run.verdicts[document.twin].flagged is False
        for document in documents
        if document.kind == kind and document.twin
    ]
    return Share(sum(told), len(told))


@dataclass(frozen=True)
class Start:
    """A line of Python for a fresh interpreter, which either keeps compiled files or has to compile each time.

    Packages that pip installed are compiled already. A checkout is compiled at its first start, and at every start if
    PYTHONDONTWRITEBYTECODE is set, as it is in many containers.
    """

    code: str
    keeps: bool

    def ms(self) -> float:
        """Run it once; return the processor time in milliseconds.

        Raises:
            subprocess.CalledProcessError: the code failed.
        """
        command = [sys.executable, "-c", self.code]
        # An empty value is the same as none.
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "" if self.keeps else "1"}
        with subprocess.Popen(command, env=environment) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return (usage.ru_utime + usage.ru_stime) * 1000


def starts_ms(starts: Sequence[Start], rounds: int) -> list[float]:
    """Return the median milliseconds of each; they take turns, after a first round that only fills caches."""
    taken = [[start.ms() for start in starts] for _ in range(rounds + 1)][1:]
    return [statistics.median(one) for one in zip(*taken, strict=True)]
