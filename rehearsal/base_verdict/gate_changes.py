"""Finds what a branch changes about the gate by comparing both copies, and what that lets pass by trying it.

`base` is always the base branch's folder, `branch` the folder of the judged branch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import Enforcement
from stackfiles.yaml_file import read

PIPELINE: Final = "pipeline"
CONFIGURATION: Final = "configuration and waivers"

GATE: Final[Mapping[str, tuple[str, ...]]] = {
    CONFIGURATION: ("policies/config/*",),
    "rules": ("policies/**/*",),
    "embedded engine": ("rehearsal/**/*", "stackfiles/**/*"),
    "attaching the packs to a deploy": (
        *("operations/deploy.py", "operations/commands/deploy.py", "operations/pulumi_cli.py"),
        "Makefile",
    ),
    PIPELINE: (".circleci/**/*", ".github/**/*", ".ci/**/*", "set_up.py"),
    "packages": ("requirements*.lock", "pyproject.toml"),
    "required reviewers": ("CODEOWNERS",),
    "cases that must be stopped": ("corpus/**/*", "tests/breakages/**/*"),
}
"""Part of the gate -> its files. A file belongs to the first part that matches it."""

_TABLES: Final = (".json", ".yml", ".yaml")
"""Suffixes of the files in the configuration and the pipeline that are compared value by value."""


@dataclass(frozen=True)
class ChangedFile:
    """A file of the gate that a branch changes.

    `how` is `new`, `changed` or `removed`. `added` and `gone` are the values that only one copy has, as `path: value`,
    for files of the configuration and of the pipeline.
    """

    kind: str
    path: str
    how: str
    added: Sequence[str] = ()
    gone: Sequence[str] = ()


@dataclass(frozen=True)
class Passing:
    """Cases that the base branch's gate stops and the branch's doesn't: name -> why the case should be stopped.

    `failure` says why the branch's packs couldn't be tried, or is empty.
    """

    title: str
    cases: Mapping[str, str]
    failure: str = ""


def changed_files(base: Path, branch: Path) -> list[ChangedFile]:
    """Return the files of the gate that differ, in the order of `GATE`."""
    found = []
    seen: set[str] = set()
    for kind, patterns in GATE.items():
        paths = {path for folder in (base, branch) for pattern in patterns for path in _files(folder, pattern)} - seen
        seen |= paths
        found += [change for path in sorted(paths) if (change := _compare(base, branch, kind, path))]
    return found


def _files(folder: Path, pattern: str) -> Iterator[str]:
    for path in folder.glob(pattern):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix()


def _compare(base: Path, branch: Path, kind: str, path: str) -> ChangedFile | None:
    before, after = (folder / path if (folder / path).is_file() else None for folder in (base, branch))
    contents = [file.read_bytes() if file else None for file in (before, after)]
    if contents[0] == contents[1]:
        return None
    how = "new" if before is None else "removed" if after is None else "changed"
    if kind not in (CONFIGURATION, PIPELINE) or not path.endswith(_TABLES):
        return ChangedFile(kind, path, how)
    try:
        old, new = (Counter(_leaves(_table(file))) if file else Counter() for file in (before, after))
    except BadConfiguration as error:
        return ChangedFile(kind, path, how, added=[f"can't be read: {error}"])
    return ChangedFile(kind, path, how, sorted((new - old).elements()), sorted((old - new).elements()))


def _table(file: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    if file.suffix != ".json":
        return read(file)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadConfiguration(f"{file.name} isn't JSON: {error}") from None


def _leaves(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - whatever a file holds
    """Yield each value of a document with its path, without positions in lists, so that reordering isn't a change."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield f"{path}: {json.dumps(value, ensure_ascii=False, default=str)}"


def relaxations(base: Enforcement, branch: Enforcement) -> Iterator[str]:
    """Yield where the branch's gate is laxer than the base branch's: levels, rules and waivers."""
    for level, what in (("advisory", "is only advisory"), ("disabled", "is disabled")):
        known = base["advisory"] if level == "advisory" else base["disabled"]
        for rule in branch["advisory"] if level == "advisory" else branch["disabled"]:
            if rule not in known:
                yield f"the rule `{rule}` {what}"
    if (fewer := base["rules"] - branch["rules"]) > 0:
        yield f"there are {fewer} fewer rules: {branch['rules']} instead of {base['rules']}"
    for waiver in branch["waived"]:
        if waiver not in base["waived"]:
            rule, resource, owner, expires = (waiver[key] for key in ("rule", "resource", "owner", "expires"))
            yield f"the rule `{rule}` is waived for `{resource}` until {expires} (owner {owner})"


def passing_cases(base: Path, branch: Path, *, every_breakage: bool) -> list[Passing]:
    """Try the base branch's documents and breakages on the branch's packs, and return those that pass.

    Args:
        base: The base branch's folder; its cases are tried.
        branch: The folder whose packs judge them.
        every_breakage: Whether to also try the breakages that need a plan each, which takes minutes.
    """
    options = ["--judge-with", str(branch), *([] if every_breakage else ["--only-additions"])]
    breakages = _passing("breakages of the program", base, "tests.breakages", *options)
    with tempfile.TemporaryDirectory() as scratch:
        # The base branch's documents beside the branch's packs.
        for name, folder in (("corpus", base), ("policies", branch)):
            (Path(scratch) / name).symlink_to(folder / name)
        documents = _passing("labelled policy documents", Path(scratch), "corpus")
    return [breakages, documents]


def _passing(title: str, folder: Path, module: str, *options: str) -> Passing:
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - own command
    try:
        cases = json.loads(done.stdout)
        return Passing(title, {name: why if isinstance(why, str) else ", ".join(why) for name, why in cases.items()})
    except ValueError:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Passing(title, {}, lines[-1])
