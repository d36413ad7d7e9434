"""The command line of `python -m policies check`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from policies.check.bad_input import BadInput
from policies.check.kinds import DOCUMENTS, PLANS, NothingToJudge, Options, subjects
from policies.check.output import FORMATS, Report, as_text, visible
from policies.check.source import Source, Subject
from policies.check.verdict import Verdict
from policies.least_privilege import RULES
from policies.rulebook import BadConfiguration, configuration

_STDIN: Final = "-"
_ENDINGS: Final = (".json", ".yaml", ".yml", ".template")
"""Endings of the files that are read in a folder."""
_SKIPPED: Final = frozenset(("node_modules", "__pycache__", "venv"))
"""Subfolders that aren't read, besides hidden ones."""

_MARKS: Final = re.compile(r"\bResources\b|\bStatement\b|\bresource_changes\b|\bsteps\b")
"""Every file that can be judged has one of these. Other YAML files in a folder aren't parsed."""

_EVERY: Final = 25
"""Number of files between two updates of the progress line."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or `-` for standard input")
    parser.add_argument(
        "--kind",
        choices=[*DOCUMENTS, *PLANS],
        default="",
        help="what the files are; recognized by their content if not given",
    )
    parser.add_argument(
        "--service",
        default="",
        help="the service of resource policies, such as s3; recognized by their content if not given",
    )
    parser.add_argument("--account", type=_account, help="number of the account that the files are about")
    parser.add_argument(
        "--role",
        default="",
        metavar="NAME",
        help="the role that all policy documents belong to; they are also judged together",
    )
    parser.add_argument("--format", choices=["text", *FORMATS], default="text", help="format of the output (text)")
    parser.add_argument("--explain", action="store_true", help="print the remedy and the source of each finding")
    parser.add_argument(
        "--allow-unknown",
        action="store_true",
        help="judge only known values; by default, a document with unknown values is a finding",
    )
    parser.add_argument(
        "--skip-others", action="store_true", help="skip files that hold nothing to judge, as is done in folders"
    )
    parser.add_argument(
        "--config",
        type=Path,
        help="file with levels, settings and waivers of rules, as for `pulumi preview --policy-pack-config`",
    )


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} isn't an account number; accepted: 12 digits")
    return text


def check(given: argparse.Namespace) -> int:
    """Judge files and print the findings; return 0 without findings, 1 with, 2 if something couldn't be judged."""
    try:
        config = configuration.read(given.config, RULES) if given.config else {}
    except BadConfiguration as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    account = given.account or ""
    verdict = Verdict(config, account, allow_unknown=given.allow_unknown)
    files = [(path, listed or given.skip_others) for path, listed in _files(given.paths)]
    report = _report(files, Options(given.kind, given.service, account, given.role), verdict, str(given.config))
    for file, why in report.problems.items():
        print(f"error: {visible(f'{file} {why}')}", file=sys.stderr)
    lines = as_text(report, explain=given.explain) if given.format == "text" else FORMATS[given.format](report)
    for line in lines:
        print(line)
    if report.problems:
        return 2
    return int(any(not found.violation.advisory for found in report.findings))


def _report(files: Sequence[tuple[str, bool]], options: Options, verdict: Verdict, config: str) -> Report:
    problems: dict[str, str] = {}
    findings = list(verdict.configuration(config))
    judged = 0
    of_role: list[Subject] = []
    shows_progress = sys.stderr.isatty() and len(files) > _EVERY
    for number, (path, listed) in enumerate(files, start=1):
        try:
            text = _read(path)
            if listed and not path.endswith(".json") and not _MARKS.search(text):
                continue
            found, stack = subjects(Source("stdin" if path == _STDIN else path, text), options)
            if options.role and not stack:
                of_role += found
            else:
                findings += verdict.findings(found, stack=stack)
            judged += 1
        except BadInput as bad:
            if not (listed and isinstance(bad, NothingToJudge)):
                problems[path] = str(bad)
        if shows_progress and number % _EVERY == 0:
            print(f"\r{number} of {len(files)} files", end="", file=sys.stderr, flush=True)
    if shows_progress:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    findings += verdict.findings(of_role, stack=True)
    return Report(findings, problems, judged)


def _files(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield each file, and whether it was found in a folder, which may hold files that aren't meant."""
    for path in dict.fromkeys(paths):
        if path == _STDIN or not Path(path).is_dir():
            yield path, False
        else:
            for file in sorted(Path(path).rglob("*")):
                inside = file.relative_to(path).parts
                skipped = any(part.startswith(".") or part in _SKIPPED for part in inside)
                if file.suffix in _ENDINGS and not skipped and file.is_file():
                    yield str(file), True


def _read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == _STDIN else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput("isn't UTF-8 text") from None
