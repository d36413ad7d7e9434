"""The wrapper, up to the engine: it says how to get the CLI, and never runs without packs and preview."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from operations.__main__ import main
from stackfiles import project
from tests.owner import owned, owned_here
from tests.planning import NAME, PROJECT, copy_project

VERSION = project.pulumi_version(PROJECT)


def deploy(*arguments: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the wrapper in this process, with a `pulumi` from a folder, or with none."""
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(told):
        for name in [name for name in os.environ if name.startswith("PULUMI_")]:
            patch.delenv(name)
        for name, value in {"PATH": str(path or "/nowhere"), **environment}.items():
            patch.setenv(name, value)
        patch.setattr("sys.stdin", io.StringIO())
        patch.chdir(owned())
        code = main(["deploy", *arguments])
    return subprocess.CompletedProcess(arguments, code, "", told.getvalue())


def deploy_apart(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run the wrapper in a separate process."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    return subprocess.run(
        [sys.executable, "-m", "operations", "deploy", *arguments],
        cwd=owned(),
        env={**clean, "PATH": str(path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A folder with a `pulumi` that records its arguments and succeeds, on a stack without resources."""
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(tmp_path / 'backend')!r}, 'w').write(os.environ.get('PULUMI_BACKEND_URL', ''))\n"
        f"state = {str(tmp_path / 'state')!r}\n"
        "if 'export' in sys.argv:\n"
        "    sys.exit(print(open(state).read() if os.path.exists(state) else '{\"deployment\": {}}'))\n"
        f"with open({str(tmp_path / 'calls')!r}, 'a') as file: file.write(json.dumps(sys.argv[1:]) + '\\n')\n"
    )
    program.chmod(0o755)
    return tmp_path


def calls(recorder: Path) -> list[list[str]]:
    file = recorder / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("command", ["up", "preview", "destroy", "refresh", "unlock"])
def test_without_the_cli_it_says_how_to_install_the_pinned_version(command: str) -> None:
    done = deploy(command, "--stack", "prod")
    assert done.returncode == 2
    assert f"Install Pulumi CLI {VERSION}" in done.stderr
    assert f"version` prints v{VERSION}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["up", "preview"])
def test_the_gate_is_attached_without_other_configuration(command: str, recorder: Path) -> None:
    assert deploy_apart(command, "--stack", "prod", path=recorder).returncode == 0
    (call,) = calls(recorder)
    given = list(itertools.pairwise(call))
    packs = [value for flag, value in given if flag == "--policy-pack"]
    configurations = [value for flag, value in given if flag == "--policy-pack-config"]
    assert packs == [str(owned() / "policies" / "gate" / "serve")]
    assert configurations == [os.devnull]
    assert not [flag for flag in call if "skip" in flag]
    assert "--yes" not in call


def test_the_state_is_kept_in_the_stacks_bucket_unless_the_shell_says_otherwise(recorder: Path) -> None:
    (recorder / "Pulumi.yaml").write_text((owned() / "Pulumi.yaml").read_text())
    stack = (owned() / "Pulumi.prod.yaml").read_text()
    for settings, shell, expected in (
        ("", {}, ""),
        ("  stateBucket: the-state\n", {}, "s3://the-state?region=eu-central-1"),
        ("  stateBucket: the-state\n", {"PULUMI_BACKEND_URL": "file://./here"}, "file://./here"),
    ):
        (recorder / "Pulumi.prod.yaml").write_text(stack + settings)
        done = deploy("unlock", "--stack", "prod", "--project", str(recorder), path=recorder, **shell)
        assert done.returncode == 0, done.stderr
        assert (recorder / "backend").read_text() == expected


def test_an_option_in_the_environment_is_refused(recorder: Path) -> None:
    done = deploy("up", "--stack", "prod", path=recorder, PULUMI_OPTION_SKIP_PREVIEW="true")
    assert done.returncode == 2
    assert calls(recorder) == []


def test_an_update_changes_the_park_mode_only_with_the_option(recorder: Path) -> None:
    marker = {
        "urn": f"urn:pulumi:lab::{NAME}::guarded:parameters:Parameters$aws:ssm/parameter:Parameter::infra/park_mode",
        "type": "aws:ssm/parameter:Parameter",
        "id": "/lab/infra/park_mode",
        "inputs": {"insecureValue": "parked"},
    }
    (recorder / "state").write_text(json.dumps({"deployment": {"resources": [marker]}}))
    here = ("--stack", "lab", "--project", str(owned_here()))
    refused = deploy("up", *here, path=recorder)
    assert refused.returncode == 2
    assert "parkMode is `unparked`, but the platform is parked" in refused.stderr
    assert "`make unpark STACK=lab`" in refused.stderr
    assert calls(recorder) == []
    (recorder / "state").write_text(json.dumps({"deployment": {"resources": [{**marker, "inputs": {}}]}}))
    unreadable = deploy("up", *here, path=recorder)
    assert unreadable.returncode == 2
    assert "the marker in its state can't be read" in unreadable.stderr
    assert deploy("up", "--change-park-mode", *here, path=recorder).returncode == 0
    assert [call[0] for call in calls(recorder)] == ["preview", "up"]
    # If others make the workloads, the park mode in the state is not compared.
    assert deploy("up", "--stack", "prod", path=recorder).returncode == 0


@pytest.mark.parametrize(("code", "returned", "called"), [(6, 0, ["up"]), (255, 1, [])])
def test_an_update_is_refused_if_the_state_cannot_be_read(
    recorder: Path, code: int, returned: int, called: list[str]
) -> None:
    program = recorder / "pulumi"
    program.write_text(
        program.read_text().replace("if 'export' in sys.argv:\n", f"if 'export' in sys.argv:\n    sys.exit({code})\n")
    )
    done = deploy("up", "--stack", "prod", path=recorder)
    assert done.returncode == returned
    assert ("the stack's state can't be read, so nothing was applied" in done.stderr) == bool(returned)
    assert [call[0] for call in calls(recorder)] == called


def test_a_stack_without_a_file_is_refused(recorder: Path) -> None:
    done = deploy("up", "--stack", "porduction", path=recorder)
    assert done.returncode == 2
    assert "stacks here: dev, prod" in done.stderr
    assert calls(recorder) == []


def test_destroy_previews_first_and_needs_the_stacks_name(recorder: Path) -> None:
    assert deploy("destroy", "--stack", "dev", "--confirm", "prod", path=recorder).returncode == 2
    assert calls(recorder) == []
    assert deploy("destroy", "--stack", "dev", path=recorder).returncode == 2
    assert calls(recorder) == [["destroy", "--stack", "dev", "--preview-only"]]
    assert deploy("destroy", "--stack", "dev", "--confirm", "dev", path=recorder).returncode == 0
    assert calls(recorder)[1:] == [
        ["destroy", "--stack", "dev", "--preview-only"],
        ["destroy", "--stack", "dev", "--yes"],
    ]


def test_a_search_for_drift_changes_nothing_and_skips_resources_with_the_header_secret(recorder: Path) -> None:
    options = ("--preview-only", "--expect-no-changes", "--without-secrets")
    assert deploy("refresh", *options, "--stack", "dev", path=recorder).returncode == 0
    (called,) = calls(recorder)
    assert called[:5] == ["refresh", "--stack", "dev", "--expect-no-changes", "--preview-only"]
    assert "**aws:lb/listenerRule:ListenerRule::**" in called
    assert "**aws:cloudfront/distribution:Distribution::**" in called
    assert "**aws:ssm/parameter:Parameter::**" in called


def test_a_saved_plan_with_a_stand_in_is_refused(recorder: Path) -> None:
    done = deploy("up", "--stack", "prod", "--plan", "plan.json", path=recorder)
    assert done.returncode == 2
    assert "readSecretsInPreview" in done.stderr
    assert calls(recorder) == []


@pytest.mark.parametrize("command", ["up", "preview"])
def test_the_reason_why_the_gate_does_not_start_is_reported(command: str, tmp_path: Path) -> None:
    """Without this, the engine would only say that the connection to the pack was refused."""
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if 'export' in sys.argv: sys.exit(print('{\"deployment\": {}}'))\n"
        "sys.exit('connection refused')\n"
    )
    cli.chmod(0o755)
    project = copy_project(tmp_path)
    (project / "policies" / "config" / "packs.json").write_text('["a-pack"]')
    done = deploy_apart(command, "--stack", "prod", "--project", str(project), path=cli.parent)
    assert done.returncode == 2
    assert "config/packs.json lists a-pack, but there is no PulumiPolicy.yaml in" in done.stderr
    assert "Traceback" not in done.stderr
