"""Runs the checkers' own commands on a folder, in turns: findings, files with findings, and time.

    python -m benchmarks.iam.folder FOLDER [ROUNDS]

The folder has `documents/` (policies, JSON), `plans/` (Terraform's, JSON) and `templates/` (CloudFormation's). Each
tool reads the formats that it knows: parliament the documents, Checkov plans and templates, `python -m policies check`
all of them. The SARIF of the latter is validated against its schema.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema

from benchmarks.iam import environments
from benchmarks.iam.comparison import CHECKOUT
from benchmarks.iam.judges.checkov_rules import OF_PLANS, OF_TEMPLATES

_KINDS: Final = ("documents", "plans", "templates")
_SARIF: Final = CHECKOUT / "tests" / "schemas" / "sarif-2.1.0.json"
_CHECK: Final = (sys.executable, "-m", "policies", "check")


@dataclass(frozen=True)
class Command:
    """A tool's command line, and the parts of the folder that it reads."""

    name: str
    line: Sequence[str | Path]
    reads: str


@dataclass(frozen=True)
class Turn:
    """One run of a command."""

    processor_s: float
    clock_s: float
    memory_mb: float
    files: Sequence[str]
    """The file of each finding."""


def commands(folder: Path) -> list[Command]:
    """Return the commands; the peers' environments are created first if missing."""
    documents, plans, templates = (folder / name for name in _KINDS)
    parliament = environments.python("parliament").with_name("parliament")
    checkov: list[str | Path] = [environments.python("checkov").with_name("checkov"), "--quiet", "--compact"]
    checkov += ["--skip-download", "-o", "json", "--framework", "terraform_plan", "cloudformation"]
    checkov += ["-d", plans, "-d", templates]
    of_policies = ",".join(sorted({*OF_PLANS, *OF_TEMPLATES}))
    return [
        Command("policies check", (*_CHECK, "--format", "json", folder), "all"),
        Command("parliament 1.6.4", (parliament, "--json", "--directory", documents), "documents"),
        Command("Checkov 3.3.30, its rules about policies", (*checkov, "-c", of_policies), "plans, templates"),
        Command("Checkov 3.3.30, all rules", checkov, "plans, templates"),
    ]


def turn(command: Command) -> Turn:
    """Run a command once."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        start = time.monotonic()
        with subprocess.Popen([*command.line], cwd=CHECKOUT, stdout=out, stderr=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        clock = time.monotonic() - start
        out.seek(0)
        files = [*_files(out.read())]
    return Turn(usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss / 1024, files)


def _files(printed: str) -> Iterator[str]:
    """Yield the file of each finding in a tool's output: JSON documents or lists of them, one after the other."""
    decoder = json.JSONDecoder()
    at = 0
    while at < len(printed):
        read, end = decoder.raw_decode(printed, at)
        at = end + len(printed[end:]) - len(printed[end:].lstrip())
        documents: list[dict[str, Any]] = read if isinstance(read, list) else [read]
        for one in documents:
            if "location" in one:
                yield one["location"]["filepath"]
            yield from (finding["file"] for finding in one.get("findings", ()))
            yield from (check["file_path"] for check in one.get("results", {}).get("failed_checks", ()))


def sarif_findings(folder: Path) -> int:
    """Return how many results the SARIF of a folder has.

    Raises:
        jsonschema.ValidationError: it breaks the schema.
    """
    done = subprocess.run([*_CHECK, "--format", "sarif", folder], cwd=CHECKOUT, capture_output=True, check=False)
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(_SARIF.read_text(encoding="utf-8")))
    return len(document["runs"][0]["results"])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.iam.folder", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    given = parser.parse_args()
    folder = given.folder.resolve()
    tools = commands(folder)
    rounds = [[turn(tool) for tool in tools] for _ in range(given.rounds)]
    print("| tool | reads | findings | in files | processor, s | clock, s | memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for tool, turns in zip(tools, zip(*rounds, strict=True), strict=True):
        processor = statistics.median(one.processor_s for one in turns)
        clock = statistics.median(one.clock_s for one in turns)
        found = turns[0].files
        print(
            f"| {tool.name} | {tool.reads} | {len(found):,} | {len(set(found)):,} | {processor:.2f} | {clock:.1f} "
            f"| {max(one.memory_mb for one in turns):.0f} |"
        )
    print(f"\nSARIF is valid: {sarif_findings(folder):,} results.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
