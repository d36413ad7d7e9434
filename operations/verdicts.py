"""Checks and their verdicts, shown as a table or as JSON."""

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
    """There is nothing to check yet, or it can't be checked; the text says which. Not an error."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    `key` identifies the check for programs, as `Check.key`; `subject` tells people what was checked, and `text` what
    was found and, if it failed, what to do. `symptom` is the name of a known symptom (`operations.symptoms`), or empty.
    """

    key: str
    subject: str
    outcome: Outcome
    text: str
    symptom: str = ""


@dataclass(frozen=True)
class Check:
    """One check, which creates its verdicts.

    `key` stays the same when texts change: the check's name and, if there are several, a slash and what is checked,
    such as `secret/prod/db/admin`. `subject` is the title for people.
    """

    key: str
    subject: str

    def passed(self, text: str) -> Verdict:
        """Return the verdict that all is well."""
        return Verdict(self.key, self.subject, Outcome.PASSED, text)

    def failed(self, text: str, symptom: Symptom | None = None) -> Verdict:
        """Return the verdict that something is wrong; the explanation of a known symptom follows the text."""
        if symptom is None:
            return Verdict(self.key, self.subject, Outcome.FAILED, text)
        explained = f"{text.removesuffix('.')}. {symptom}" if text else str(symptom)
        return Verdict(self.key, self.subject, Outcome.FAILED, explained, symptom.name)

    def undecided(self, text: str) -> Verdict:
        """Return the verdict that something can't be checked (yet)."""
        return Verdict(self.key, self.subject, Outcome.OPEN, text)


def host_check(name: str, host: str, title: str) -> Check:
    """Return a check of one host, such as `certificate/portal.example.com`."""
    return Check(f"{name}/{host}", f"{host}: {title}")


_SOON_SECONDS: Final = 1.0
_STYLES: Final = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.OPEN: "yellow"}


def all_passed(verdicts: Iterable[Verdict]) -> bool:
    """Return whether nothing failed; open verdicts don't count as failures."""
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
    """Return the console for results. A pipe gets wide lines, so that its text can be searched."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 160
    return console


def say(text: str) -> None:
    """Print a line of text as it is."""
    output().print(text, soft_wrap=True)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show what is under way: with a spinner on a terminal, otherwise with a line if it takes over a second."""
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
