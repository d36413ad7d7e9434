"""The pipeline is valid, has no keys, applies one change at a time after approval, and roles trust only its jobs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from corpus.families import read
from stackfiles import project
from tests.circleci import workflows
from tests.circleci.pipeline_rules import BRANCHES, Pipeline, needs
from tests.owner import config, files_with, lay, owned
from tests.planning import PROJECT, plan_of

CONFIG = PROJECT / ".circleci" / "config.yml"
PIPELINE: dict[str, Any] = read(CONFIG)
STACK = "prod"
SETTINGS = config(STACK)
READS_STATE = {
    "previewReadsState": True,
    "stateBucket": "the-state",
    "stateKeyArn": f"arn:aws:kms:{SETTINGS['aws:region']}:{SETTINGS['aws:allowedAccountIds'][0]}:key/mrk-{'0' * 32}",
}
jobs_on = Pipeline(PIPELINE).jobs_on


def filled(text: str, command: dict[str, Any] | None = None) -> str:
    """Fill in a text of the pipeline for a stack of the suite, with the defaults of its other parameters.

    Parameters of its command get their first values.
    """
    values = {name: parameter["default"] for name, parameter in PIPELINE["parameters"].items()}
    for name, value in {**values, "stack": STACK}.items():
        text = text.replace(f"<< pipeline.parameters.{name} >>", value)
    for name, parameter in (command or {}).get("parameters", {}).items():
        text = text.replace(f"<< parameters.{name} >>", parameter["enum"][0])
    return text


def steps(job: str) -> list[Any]:
    return list(PIPELINE["jobs"][job].get("steps", []))


def used_commands(job: str) -> list[str]:
    """The names of the pipeline's commands that a job uses, in order."""
    names = [step if isinstance(step, str) else next(iter(step)) for step in steps(job)]
    return [name for name in names if name in PIPELINE["commands"]]


def roles(job: str) -> list[str]:
    """The roles that a job assumes, in order."""
    return [step["assume"]["role"] for step in steps(job) if isinstance(step, dict) and "assume" in step]


def role_of(job: str) -> str:
    """The name of the role that a job assumes first, or an empty text."""
    return next((f"{STACK}-{role}" for role in roles(job)), "")


def scripts() -> dict[str, str]:
    """Every shell script of the pipeline, by its place: each `run`, and the files beside the pipeline."""
    files = [*CONFIG.parent.iterdir(), *(PROJECT / ".ci").iterdir()]
    found = {str(path.relative_to(PROJECT)): path.read_text() for path in files if path != CONFIG}
    for group in ("commands", "jobs"):
        for name, definition in PIPELINE[group].items():
            for number, step in enumerate(definition["steps"]):
                if isinstance(step, dict) and "run" in step:
                    command = step["run"]["command"] if isinstance(step["run"], dict) else step["run"]
                    found[f"{group}.{name}.{number}"] = f"#!/bin/bash\n{filled(command, definition)}\n"
    return found


def commands(job: str) -> str:
    return "\n".join(
        step["run"]["command"] if isinstance(step["run"], dict) else step["run"]
        for step in steps(job)
        if isinstance(step, dict) and "run" in step
    )


def trusts() -> dict[str, tuple[str, str, str]]:
    """ARN of each CI role -> audience, subject pattern and key prefix in its trust policy."""
    account = SETTINGS["aws:allowedAccountIds"][0]
    found = {}
    for role in plan_of(STACK).inputs("aws:iam/role:Role"):
        (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
        if "Federated" not in statement["Principal"]:
            continue
        ((audience_key, audience),) = statement["Condition"]["StringEquals"].items()
        ((subject_key, subject),) = statement["Condition"]["StringLike"].items()
        issuer = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
        assert (audience_key, subject_key) == (f"{issuer}:aud", f"{issuer}:sub")
        found[f"arn:aws:iam::{account}:role{role['path']}{role['name']}"] = (audience, subject, issuer)
    return found


def token(branch: str) -> tuple[str, str]:
    """Audience and subject of the second kind of token (https://circleci.com/docs/openid-connect-tokens/)."""
    organization = SETTINGS["circleciOrganizationId"]
    return organization, (
        f"org/{organization}/project/{SETTINGS['circleciProjectId']}/user/5a1d0f2e-0000-4000-8000-3c9c1ab0ffee"
        f"/vcs-origin/{SETTINGS['circleciRepository']}/vcs-ref/refs/heads/{branch}"
    )


@cache
def assumed_arn(role: str) -> str:
    """The ARN that the pipeline's script builds for a role's name."""
    printed = assume(role.removeprefix(f"{STACK}-"), "a token").stdout
    (arn,) = re.findall(r"^export AWS_ROLE_ARN=(\S+)$", printed, re.MULTILINE)
    return str(arn)


def assume(role: str, token: str) -> subprocess.CompletedProcess[str]:
    """Run the script that gives a job a role's credentials."""
    return subprocess.run(
        [owned() / ".circleci" / "assume", STACK, role],
        env={**os.environ, "CIRCLE_OIDC_TOKEN_V2": token, "CIRCLE_WORKFLOW_JOB_ID": "a-job"},
        capture_output=True,
        text=True,
        check=False,
    )


def may_assume(arn: str, branch: str) -> bool:
    audience, pattern, _ = trusts()[arn]
    return audience == token(branch)[0] and fnmatchcase(token(branch)[1], pattern)


def run_script(
    folder: Path, script: str, stack: str, settings: Mapping[str, object], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run one of the pipeline's scripts on a stack of the suite, with more settings."""
    copy = lay(folder, files_with(stack))
    with (copy / f"Pulumi.{stack}.yaml").open("a") as file:
        file.writelines(f"  {key}: {json.dumps(value)}\n" for key, value in settings.items())
    command = [str(copy / ".ci" / script), stack, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_fits_its_published_schema() -> None:
    validator = jsonschema.Draft7Validator(json.loads((PROJECT / "tests" / "schemas" / "circleci.json").read_text()))
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(PIPELINE)] == []
    assert list(validator.iter_errors({**PIPELINE, "jobs": {"test": {"steps": "none"}}}))


def test_a_job_gets_the_credentials_of_its_stacks_account_and_region() -> None:
    done = assume("ci-preview", "a token")
    assert done.returncode == 0, done.stderr
    lines = dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines())
    assert lines["AWS_ROLE_ARN"].split(":")[4] == SETTINGS["aws:allowedAccountIds"][0]
    assert lines["AWS_REGION"] == SETTINGS["aws:region"]
    file = Path(lines["AWS_WEB_IDENTITY_TOKEN_FILE"])
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("a token", 0o600)
    file.unlink()


def test_a_job_without_a_token_gets_an_error() -> None:
    done = assume("ci-preview", "")
    assert (done.returncode, done.stdout) == (1, "")
    assert "CIRCLE_OIDC_TOKEN_V2 is empty" in done.stderr


def test_parameters_that_reach_a_shell_are_enumerations() -> None:
    given = [PIPELINE["parameters"], *(command.get("parameters", {}) for command in PIPELINE["commands"].values())]
    parameters = {name: parameter for group in given for name, parameter in group.items()}
    assert {parameter["type"] for parameter in parameters.values()} == {"enum"}
    assert all(re.fullmatch(r"[a-z-]+", value) for parameter in parameters.values() for value in parameter["enum"])


@pytest.mark.parametrize("place", scripts())
def test_every_script_passes_shellcheck(place: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(scripts()[place])
    for command in (["bash", "-n"], [shutil.which("shellcheck", path=str(Path(sys.executable).parent)), "--norc"]):
        done = subprocess.run([*command, script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("branch", BRANCHES)
def test_each_job_may_assume_its_role_on_the_branches_it_runs_on(branch: str) -> None:
    jobs = jobs_on(branch)
    assert any(role_of(job) for job in jobs if job in PIPELINE["jobs"])
    for job in jobs:
        if role := role_of(job) if job in PIPELINE["jobs"] else "":
            assert may_assume(assumed_arn(role), branch), (job, role)
            assert jobs[job]["context"], f"{job}: the backend and the token of Cloudflare come from a context"


@pytest.mark.parametrize("branch", BRANCHES[1:])
def test_only_main_can_apply(branch: str) -> None:
    assert {role_of(job) for job in jobs_on(branch) if job in PIPELINE["jobs"]} == {"", f"{STACK}-ci-preview"}
    trusted = [arn for arn in trusts() if may_assume(arn, branch)]
    assert [arn.rpartition("/")[2] for arn in trusted] == [f"{STACK}-ci-preview"]


def test_the_token_names_the_branch() -> None:
    script = CONFIG.with_name("assume").read_text()
    assert set(re.findall(r"CIRCLE_OIDC_TOKEN\w*", script)) == {"CIRCLE_OIDC_TOKEN_V2"}
    assert all("/vcs-ref/" in subject for _, subject, _ in trusts().values())


def test_main_is_applied_after_approval_tests_and_gate_and_checked_afterwards() -> None:
    jobs = jobs_on("main")
    assert jobs["approve"]["type"] == "approval"
    assert needs(jobs, "apply") == {"test", "gate", "approve"}
    assert needs(jobs, "test") == needs(jobs, "gate") == {"approve"}
    assert "apply" in needs(jobs, "verify")
    assert "operations verify-login" in commands("verify")
    assert "pull" not in json.dumps(jobs)


@pytest.mark.parametrize(
    ("script", "stack", "settings", "said"),
    [
        ("reads-state", STACK, {}, "previewReadsState isn't true, so there is no preview"),
        ("reads-state", STACK, READS_STATE, ""),
        ("makes-workloads", STACK, {}, "workloads isn't here, so others make the services"),
        ("makes-workloads", "lab", {}, ""),
    ],
)
def test_the_stacks_settings_decide_whether_a_job_goes_on(
    tmp_path: Path, script: str, stack: str, settings: dict[str, str], said: str
) -> None:
    done = run_script(tmp_path, script, stack, settings)
    assert done.returncode == (3 if said else 0), done.stderr
    assert said in done.stdout
    assert bool(done.stdout) == bool(said)


def test_path_and_name_of_a_role_come_from_the_stacks_file(tmp_path: Path) -> None:
    """A stack that was taken over may have its roles on another path and under other names."""
    given = {"rolePath": "/taken/over/", "immutable": {"roles": {f"{STACK}-ci-deploy": {"name": "deploys-main"}}}}
    done = run_script(tmp_path, "role", STACK, given, "ci-deploy")
    account = SETTINGS["aws:allowedAccountIds"][0]
    assert f"AWS_ROLE_ARN=arn:aws:iam::{account}:role/taken/over/deploys-main\n" in done.stdout, done.stderr


def test_workloads_are_applied_last_with_their_own_role() -> None:
    """Both roles have the same trust (tests/workloads/test_ci.py); the second exists if the stack makes workloads."""
    assert roles("apply") == ["ci-deploy", "ci-workloads"]
    first, second = (line for line in commands("apply").splitlines() if "deploy up" in line)
    assert ("--without-workloads" in first, "--without-workloads" in second) == (True, False)
    order = ["--without-workloads", "makes-workloads", "ci-workloads", "deploy up --yes --stack", "verify-services"]
    places = [json.dumps(steps("apply")).index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize(("code", "ended"), [(0, 0), (3, 0), (1, 1)])
def test_an_unreadable_setting_fails_the_job(tmp_path: Path, code: int, ended: int) -> None:
    every = [filled(line) for job in PIPELINE["jobs"] for line in commands(job).splitlines()]
    every += [line for job in workflows.jobs() for line in job.commands]
    asking = {line for line in every if re.search(r"\.ci/(makes-workloads|reads-state)", line)}
    assert len(asking) == 4
    (tmp_path / ".ci").mkdir()
    scripts = {f".ci/{name}": f"exit {code}" for name in ("makes-workloads", "reads-state")}
    for name, text in {**scripts, "circleci-agent": 'echo "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    output = tmp_path / "output"
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "STACK": STACK,
        "GITHUB_OUTPUT": str(output),
    }
    for line in asking:
        output.write_text("")
        command = ["bash", "-eo", "pipefail", "-c", line]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == ended, line
        # CircleCI needs a call to stop; GitHub needs an output to go on.
        assert done.stdout == ("step halt\n" if "circleci-agent" in line and code == 3 else ""), line
        assert bool(output.read_text()) == ("GITHUB_OUTPUT" in line and code == 0), line


def test_a_preview_that_may_not_read_the_state_ends_before_it_has_credentials() -> None:
    for job in ("preview", "drift"):
        names = [step if isinstance(step, str) else next(iter(step)) for step in steps(job)]
        (asked,) = [number for number, step in enumerate(steps(job)) if "reads-state" in json.dumps(step)]
        assert asked < names.index("assume")
        assert "circleci-agent step halt" in json.dumps(steps(job)[asked])


def test_the_nightly_run_changes_nothing_and_has_no_context() -> None:
    assert jobs_on("a-feature", run="nightly") == {"properties": {}}
    assert jobs_on("main", run="nightly") == {}
    assert '-m "hypothesis or nightly" --hypothesis-profile nightly' in commands("properties")


def test_a_stack_is_applied_by_one_job_at_a_time() -> None:
    assert filled(jobs_on("main")["apply"]["serial-group"]).endswith(f"/{STACK}")


def test_every_call_of_the_engine_goes_through_the_wrapper() -> None:
    everything = CONFIG.read_text() + "".join(map(commands, PIPELINE["jobs"]))
    assert not re.search(r"\bpulumi (up|preview|destroy|refresh|update)\b", everything)
    assert "operations deploy up --yes" in commands("apply")
    assert "operations deploy preview" in commands("preview")
    for job in ("preview", "apply"):
        assert used_commands(job)[:2] == ["set-up", "pulumi-cli"]


def test_the_pipeline_contains_no_key() -> None:
    text = CONFIG.read_text() + "".join(scripts().values())
    assert not re.search(r"AKIA|ASIA|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)", text)
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in text


def install(folder: Path, archive: bytes, checksums: str) -> subprocess.CompletedProcess[str]:
    """Run the installer with a `curl` that answers from a folder."""
    (folder / "archive").write_bytes(archive)
    (folder / "checksums").write_text(checksums)
    curl = folder / "curl"
    curl.write_text(
        f'#!/bin/sh\nfor last; do :; done\nwhile [ "$1" != --output ]; do shift; done\n'
        f'case "$last" in *checksums.txt) cp {folder}/checksums "$2" ;; *) cp {folder}/archive "$2" ;; esac\n'
    )
    curl.chmod(0o755)
    return subprocess.run(
        [PROJECT / ".ci" / "install-pulumi", folder / "cli"],
        env={**os.environ, "PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def cli_archive() -> bytes:
    program = b"#!/bin/sh\necho a cli\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("pulumi/pulumi")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return buffer.getvalue()


def test_an_existing_cli_is_always_replaced(tmp_path: Path) -> None:
    version = project.pulumi_version(PROJECT)
    planted = tmp_path / "cli" / "bin" / "pulumi"
    planted.parent.mkdir(parents=True)
    planted.write_text(f"#!/bin/sh\necho v{version}\n")
    planted.chmod(0o755)
    archive = cli_archive()
    name = f"pulumi-v{version}-linux-x64.tar.gz"
    assert install(tmp_path, archive, f"{hashlib.sha256(archive).hexdigest()}  {name}\n").returncode == 0
    assert planted.read_text().endswith("echo a cli\n")


def test_a_cli_with_the_right_checksum_is_installed(tmp_path: Path) -> None:
    name = f"pulumi-v{project.pulumi_version(PROJECT)}-linux-x64.tar.gz"
    archive = cli_archive()
    done = install(tmp_path, archive, f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(archive).hexdigest()}  {name}\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cli" / "bin" / "pulumi").read_text().endswith("echo a cli\n")


@pytest.mark.parametrize("checksums", ["", "{wrong}  {name}\n", "{right}  other.tar.gz\n", "{right}  {name}.sig\n"])
def test_a_cli_with_another_checksum_is_not_installed(checksums: str, tmp_path: Path) -> None:
    name = f"pulumi-v{project.pulumi_version(PROJECT)}-linux-x64.tar.gz"
    archive = cli_archive()
    right = hashlib.sha256(archive).hexdigest()
    done = install(tmp_path, archive, checksums.format(right=right, wrong="0" * 64, name=name))
    assert done.returncode != 0
    assert not (tmp_path / "cli").exists()
