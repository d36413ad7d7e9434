"""Plans a working copy and the revision that it is compared with."""

from __future__ import annotations

import io
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rehearsal.base_verdict.judged import judged
from stackfiles import project
from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import PlanDocument


@dataclass(frozen=True)
class Compared:
    """A stack's plan and the base's plan, each judged by its own gate.

    `base` is None if the base has no such stack; `against` describes the base.
    """

    plan: PlanDocument
    base: PlanDocument | None
    against: str


def compare_with(folder: Path, stack: str, revision: str) -> Compared:
    """Plan a stack of a working copy, and the same stack at the commit where it branched off from a revision.

    Both run on this folder's embedded engine and packages.

    Raises:
        BadConfiguration: git doesn't know the revision, or the folder isn't in a repository.
    """
    project.require_stack(folder, stack)
    commit = _git(folder, revision, "merge-base", "HEAD", revision).decode().strip()
    title = _git(folder, revision, "show", "--no-patch", "--format=%h %s", commit).decode().strip()
    with TemporaryDirectory() as scratch, ThreadPoolExecutor() as pool:
        base = Path(scratch).resolve()
        with tarfile.open(fileobj=io.BytesIO(_git(folder, revision, "archive", commit))) as files:
            files.extractall(base, filter="data")
        before = pool.submit(judged, base, stack, base) if stack in project.stacks(base) else None
        plan = judged(folder, stack, folder)
        return Compared(plan, before.result() if before else None, f"{revision} at {title}")


def _git(folder: Path, revision: str, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603, S607
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or "has no commit in common with this working copy"
        raise BadConfiguration(f"--base {revision}: {said}; accepted: a git branch, tag or commit")
    return done.stdout
