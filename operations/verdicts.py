"""Checks, their verdicts, and how a list of verdicts is shown: one table, or JSON."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.symptoms import Symptom


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    """There is nothing to check yet, or no way to look; the text says which. No reason to stop."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    `key` names the check for programs, as `Check.key`; `subject` says for people what was checked, and `text` what was
    seen and, if it failed, what to do. `symptom` is the name of a known symptom (`operations.symptoms`), or empty.
    """

    key: str
    subject: str
    outcome: Outcome
    text: str
    symptom: str = ""


@dataclass(frozen=True)
class Check:
    """One check, from which its verdicts are made.

    `key` stays the same whatever the texts become: the check's name, and after a slash what is checked if there are
    several, such as `secret/prod/db/admin`. `subject` is what people read.
    """

    key: str
    subject: str

    def passed(self, text: str) -> Verdict:
        """Return the verdict on what is as it should be."""
        return Verdict(self.key, self.subject, Outcome.PASSED, text)

    def failed(self, text: str, symptom: Symptom | None = None) -> Verdict:
        """Return the verdict on what is wrong; the explanation of a known symptom follows the text."""
        if symptom is None:
            return Verdict(self.key, self.subject, Outcome.FAILED, text)
        explained = f"{text}. {symptom}" if text else str(symptom)
        return Verdict(self.key, self.subject, Outcome.FAILED, explained, symptom.name)

    def undecided(self, text: str) -> Verdict:
        """Return the verdict on what can't be looked at (yet)."""
        return Verdict(self.key, self.subject, Outcome.OPEN, text)


def host_check(name: str, host: str, title: str) -> Check:
    """Return a check of one host, such as `certificate/portal.example.com`."""
    return Check(f"{name}/{host}", f"{host}: {title}")


_SOON_SECONDS: Final = 1.0
_STYLES: Final = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.OPEN: "yellow"}


def all_passed(verdicts: Iterable[Verdict]) -> bool:
    """Tell whether nothing failed; what is open doesn't count."""
    return all(verdict.outcome is not Outcome.FAILED for verdict in verdicts)


def show(title: str, verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    """Print verdicts on stdout: a table with a summary, or one JSON object `{"passed", "checks"}`."""
    if as_json:
        print(
            json.dumps({"passed": all_passed(verdicts), "checks": [asdict(verdict) for verdict in verdicts]}, indent=2)
        )
        return
    console = output()
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("check", ratio=2, overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("found", ratio=5, overflow="fold")
    for verdict in verdicts:
        table.add_row(Text(verdict.subject), Text(verdict.outcome, style=_STYLES[verdict.outcome]), Text(verdict.text))
    console.print(table)
    counts = {outcome: sum(verdict.outcome is outcome for verdict in verdicts) for outcome in Outcome}
    console.print(", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))


def output() -> Console:
    """Return where results go. A pipe gets wide lines, so that its text can be searched."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 160
    return console


def say(text: str) -> None:
    """Print a line of text as it is."""
    output().print(text, soft_wrap=True)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Tell what is under way: with a spinner on a terminal, elsewhere with a line if it takes over a second."""
    console = Console(stderr=True, highlight=False, markup=False)
    if console.is_terminal:
        with console.status(Text(f"{text} …")):
            yield
        return
    line = threading.Timer(_SOON_SECONDS, print, [f"{text} …"], {"file": sys.stderr})
    line.start()
    try:
        yield
    finally:
        line.cancel()
