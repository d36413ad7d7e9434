"""A branch loosens the gate and breaks a rule: its own gate lets it pass, but the base branch's gate doesn't."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from rehearsal.base_verdict.gate_changes import GATE
from tests import own_files
from tests.breakages import BREAKAGES, break_project
from tests.forked_modules import run_module
from tests.forks import PROJECT
from tests.owner import give_files
from tests.session import shared

BROKEN: Final = [
    *(row for row in BREAKAGES if row["id"] in ("idle-timeout-out-of-range", "bucket-without-tags")),
    {"file": "components/workload_permissions.py", "old": '"s3:PutObject"', "new": '"s3:*Object"'},
]
"""The breakages in the branch's program; each is hidden by one change of its gate."""

EXPIRES: Final = str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30))
PIPELINE: Final = ".circleci/config.yml"
FINDER: Final = "policies/least_privilege/faults/actions.py"


@dataclass(frozen=True)
class Judged:
    """The command's exit code, its output, and the report that it wrote."""

    code: int
    printed: str
    report: str

    def below(self, heading: str) -> str:
        """The lines after a heading, or after any other text, up to the second empty line."""
        assert heading in self.report, self.report
        return "\n".join(self.report.partition(heading)[2].split("\n\n")[:2])


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def repository(folder: Path) -> Path:
    """A repository with the project's code and one stack of the suite's owner, on a feature branch."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    branch = folder / "branch"
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file() and not own_files.is_one(Path(name)):
            (branch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, branch / name)
    give_files(branch)
    (branch / "Pulumi.dev.yaml").unlink()
    # Instead of installing anything.
    (branch / "set_up.py").write_text(f"import os\nos.symlink({sys.prefix!r}, '.venv')\n")
    git(branch, "init", "--initial-branch=main")
    git(branch, "add", "--all", "--force")
    git(branch, "commit", "--message=base")
    git(branch, "checkout", "-b", "feature")
    return branch


def judged_by_pipeline(branch: Path) -> Judged:
    """Judge the branch as the pipeline does; a changed gate is only tried on breakages that take seconds."""
    done = subprocess.run(
        [branch / ".ci" / "judge-with-base", branch.parent / "out", "--breakages", "additions"],
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        | {"BASE_BRANCH": "main"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (branch.parent / "out" / "report.md").exists(), done.stdout + done.stderr
    return Judged(done.returncode, done.stdout + done.stderr, (branch.parent / "out" / "report.md").read_text())


def branched(base: Path, folder: Path) -> Path:
    """Return another checkout of a repository, for a branch."""
    branch = folder / "branch"
    git(base, "worktree", "add", "--detach", str(branch), "main")
    return branch


def judged(base: Path, branch: Path) -> Judged:
    """Judge the branch with the base branch's gate, without trying breakages; the processes are forks."""
    report = branch.with_name("report.md")
    options = ("--branch", str(branch), "--report", str(report), "--breakages", "none")
    done = run_module(base, "rehearsal.base_verdict", *options)
    assert report.exists(), done.printed
    return Judged(done.code, done.printed, report.read_text())


def loosen(branch: Path) -> None:
    """Make the branch's gate pass what its program breaks, and weaken the pipeline."""
    config = branch / "policies" / "config"
    (config / "acceptance.prod.json").write_text('{"refused-by-aws": "advisory"}\n')
    waiver = {"resource": "prod-*", "reason": "The tags come later.", "owner": "nobody", "expires": EXPIRES}
    (config / "naming.prod.json").write_text(json.dumps({"missing-tags": {"waivers": [waiver]}}))
    inventory = json.loads((config / "inventory.prod.json").read_text())
    silent = {"pinned-permission": "advisory", "pinned-value": "advisory"}
    (config / "inventory.prod.json").write_text(json.dumps({**inventory, **silent}))
    finder = branch / FINDER
    before = "    where = statement.where\n    if statement.negated_actions:"
    assert before in finder.read_text()
    finder.write_text(finder.read_text().replace(before, f"    yield from ()\n    return\n{before}", 1))
    pipeline = branch / PIPELINE
    assert "requires: [gate]" in pipeline.read_text()
    pipeline.write_text(pipeline.read_text().replace("          requires: [gate]\n", ""))


def break_and_loosen(branch: Path) -> None:
    """Let a branch break rules, and change its gate so that it passes."""
    for row in BROKEN:
        break_project(branch, row)
    loosen(branch)
    git(branch, "commit", "--all", "--message=looser")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that judges all branches."""
    return repository(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def loosened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The verdict on a branch that breaks rules and loosens its gate."""

    def make() -> str:
        base: Path = request.getfixturevalue("base")
        branch = branched(base, tmp_path_factory.mktemp("loosened"))
        break_and_loosen(branch)
        found = judged(base, branch)
        return json.dumps([found.code, found.printed, found.report])

    return Judged(*json.loads(shared("a loosened gate", make)))


def test_the_branchs_own_gate_passes_and_the_base_branchs_stops_it(loosened: Judged) -> None:
    assert loosened.code == 1, loosened.printed
    row = next(line for line in loosened.report.splitlines() if line.startswith("| `prod` |"))
    assert row.split("|")[2].strip().endswith("mandatory violations")
    assert row.split("|")[3].strip() == "passed"
    assert "merge the change of the gate first, on its own" in loosened.report


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        ("acceptance/refused-by-aws", "high"),
        ("naming/missing-tags", "medium"),
        ("least-privilege/broad-action-pattern", "high"),
    ],
)
def test_each_hidden_rule_is_reported(loosened: Judged, rule: str, severity: str) -> None:
    assert f"- **mandatory**, {severity} `{rule}`" in loosened.report
    assert f"`prod`: `{rule}` no longer stops this program" in loosened.below("**It is laxer**")


def test_the_report_names_a_rule_that_became_advisory(loosened: Judged) -> None:
    assert "the rule `refused-by-aws` is only advisory" in loosened.below("**It is laxer**")
    assert '- `refused-by-aws: "advisory"`' in loosened.below("`policies/config/acceptance.prod.json` now has")


def test_the_report_names_a_waiver(loosened: Judged) -> None:
    waiver = f"the rule `missing-tags` is waived for `prod-*` until {EXPIRES} (owner nobody)"
    assert waiver in loosened.below("**It is laxer**")


def test_the_report_names_an_edited_pack(loosened: Judged) -> None:
    assert f"| rules | `{FINDER}` (changed) |" in loosened.report


@pytest.mark.nightly
def test_the_pipeline_reports_breakages_that_an_edited_pack_lets_pass(tmp_path: Path) -> None:
    branch = repository(tmp_path)
    break_and_loosen(branch)
    found = judged_by_pipeline(branch)
    assert found.code == 1, found.printed
    assert "`least-privilege/broad-action-pattern`" in found.report.partition("### Policies")[2]
    assert "`prod`: `least-privilege/broad-action-pattern` no longer stops this program" in found.below(
        "**It is laxer**"
    )
    assert "cases of the labelled policy documents**" in found.report
    assert "/out/page.prod.html: prod, failed" in found.printed


def test_the_report_names_protections_that_the_pipeline_loses(loosened: Judged) -> None:
    assert f"| pipeline | `{PIPELINE}` (changed) |" in loosened.report
    lost = loosened.below(f"`{PIPELINE}` no longer has")
    assert '- `workflows.pull-request.jobs[].preview.requires[]: "gate"`' in lost


def test_a_branch_without_violations_passes_with_a_short_report(base: Path, tmp_path: Path) -> None:
    branch = branched(base, tmp_path)
    stack_file = branch / "Pulumi.prod.yaml"
    stack_file.write_text(stack_file.read_text() + "  sessionSeconds: 3600\n")
    found = judged(base, branch)
    assert found.code == 0, found.printed
    assert "| `prod` | passed | passed |" in found.report
    assert "changes the gate" not in found.report


def test_a_program_that_ends_its_process_does_not_pass(base: Path, tmp_path: Path) -> None:
    branch = branched(base, tmp_path)
    (branch / "__main__.py").write_text("import os\nos._exit(0)\n")
    found = judged(base, branch)
    assert found.code == 1
    assert "| `prod` | no verdict | no verdict |" in found.report


def test_owners_must_approve_each_file_of_the_gate() -> None:
    owned = [
        line.split()[0].lstrip("/")
        for line in (PROJECT / "CODEOWNERS").read_text().splitlines()
        if line[:1] == "/" and "@" in line
    ]
    for pattern in (pattern for patterns in GATE.values() for pattern in patterns):
        files = [path.relative_to(PROJECT) for path in PROJECT.glob(pattern) if path.is_file()]
        assert {str(path) for path in files if not any(_names(one, str(path)) for one in owned)} == set(), pattern


def _names(pattern: str, path: str) -> bool:
    """Whether a line of CODEOWNERS covers a path: it names the file, or a folder around it."""
    return path.startswith(pattern) if pattern.endswith("/") else fnmatchcase(path, pattern)


def test_the_pipeline_judges_with_the_base_branchs_gate() -> None:
    pipeline: dict[str, Any] = yaml.safe_load((PROJECT / PIPELINE).read_text())
    names = [next(iter(job)) if isinstance(job, dict) else job for job in pipeline["workflows"]["pull-request"]["jobs"]]
    assert "base-verdict" in names
