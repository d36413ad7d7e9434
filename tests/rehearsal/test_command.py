"""The command as a user sees it: options, exit codes, errors without tracebacks, configuration."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.rehearsal.conftest import ENFORCED, PACKS, PROGRAMS, WORKSHOP, rehearse, running, start


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("duplicate", 1, "first registered at __main__.py:9, again at __main__.py:10"),
        ("raises", 1, "error: __main__.py:2: ValueError: no shelf left"),
        ("raises_later", 1, "error: __main__.py:5: ValueError: no shelf left"),
        ("malformed", 1, "error: __main__.py:3: SyntaxError: '(' was never closed"),
        (
            "waits_for_itself",
            1,
            "error: the program waits for itself: `late` (aws:s3/bucket:Bucket), `outside`",
        ),
        ("exits", 1, "error: __main__.py:3: the program ended itself with sys.exit(0)"),
        ("gives_up", 1, "error: the workshop is closed"),
        ("refuses", 2, "error: the stack has 2 problems:\n- width: missing\n- depth: not a number"),
        ("complains", 1, "error: on fire"),
        ("looks_up", 1, "error: __main__.py:3: the program calls the data source aws:ec2/getVpc:getVpc"),
        ("looks_up", 1, "Add it to ANSWERS in rehearsal/engine/datasources.py"),
        ("reads", 1, "reads the existing aws:s3/bucket:Bucket `old`"),
    ],
)
def test_a_program_that_cannot_be_planned_gives_one_clear_error(
    workshop: Path, program: str, code: int, said: str
) -> None:
    # The malformed program is a text file, so that linters of this repository's Python skip it.
    (source,) = PROGRAMS.glob(f"{program}.*")
    (workshop / "__main__.py").write_text(source.read_text())
    outcome = rehearse(project=workshop)
    assert outcome.code == code
    assert said in outcome.out + outcome.err
    assert "Traceback" not in outcome.out + outcome.err
    assert ": failed" in outcome.out.splitlines()[-1]


def test_the_summary_of_a_failure_has_no_counts(workshop: Path) -> None:
    (workshop / "__main__.py").write_text("raise ValueError('no shelf left')\n")
    outcome = rehearse(project=workshop)
    assert outcome.out == "dev: failed\n"
    assert outcome.err == "error: __main__.py:1: ValueError: no shelf left\n"


def test_a_violation_is_reported_even_if_the_program_fails_later(workshop: Path) -> None:
    with (workshop / "__main__.py").open("a") as program:
        program.write("\nraise ValueError('late')\n")
    outcome = rehearse("--json", "-", "--pack", PACKS / "witness", project=workshop)
    assert outcome.code == 1
    assert "late" in outcome.plan["error"]
    assert outcome.seen("resource")
    assert not outcome.seen("stack")


def test_a_programs_output_is_not_in_the_plan(workshop: Path) -> None:
    (workshop / "__main__.py").write_text((PROGRAMS / "complains.py").read_text())
    outcome = rehearse("--json", "-", project=workshop)
    assert [tuple(item.values()) for item in outcome.plan["diagnostics"]] == [
        ("info", "all is well"),
        ("warning", "dusty"),
        ("error", "on fire"),
    ]
    assert "printed by the program" in outcome.err


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("Pulumi.yaml", "name: [", "isn't YAML"),
        ("Pulumi.dev.yaml", "config: {}", "Pulumi.dev.yaml: `token` is missing"),
        ("components/settings.py", "", "no placeholder for the secret workshop:token"),
        ("components/settings.py", "def placeholders(): return {}", "no placeholder for the secret workshop:token"),
    ],
)
def test_bad_configuration_gives_one_clear_error(workshop: Path, file: str, text: str, said: str) -> None:
    (workshop / file).write_text(text)
    outcome = rehearse(project=workshop)
    assert (outcome.code, said in outcome.err) == (2, True), outcome
    assert "Traceback" not in outcome.out + outcome.err
    assert outcome.out.splitlines()[-1] == "dev: failed"


def test_an_encrypted_value_is_never_decrypted(workshop: Path) -> None:
    stack = (workshop / "Pulumi.dev.yaml").read_text()
    (workshop / "Pulumi.dev.yaml").write_text(stack.replace("v1:AAAA", "v1:canary"))
    outcome = rehearse("--json", "-", "--pack", PACKS / "witness", project=workshop)
    assert outcome.code == 0
    assert "canary" not in outcome.out + outcome.err


def test_the_error_about_an_unknown_stack_names_the_existing_ones() -> None:
    outcome = rehearse(stack="staging")
    assert outcome.code == 2
    assert "there is no stack `staging`" in outcome.err
    assert "stacks here: dev, prod" in outcome.err


def test_an_unknown_option_is_a_usage_error() -> None:
    assert rehearse("--fast").code == 2


def test_help_names_every_option() -> None:
    outcome = rehearse("--help")
    assert outcome.code == 0
    for option in ("--stack", "--all-stacks", "--json", "--pack", "--policy-config", "--project", "--quiet"):
        assert option in outcome.out


def test_policy_configuration_needs_a_pack_for_each_file() -> None:
    outcome = rehearse("--policy-config", "a.json")
    assert outcome.code == 2
    assert "--policy-config is paired with --pack" in outcome.err


def test_the_report_is_a_tree_and_a_summary() -> None:
    outcome = rehearse()
    assert outcome.code == 0
    assert outcome.out.splitlines()[:10] == [
        "workshop-dev",
        "├── + settings  aws:ssm:Parameter",
        "├── + token  aws:ssm:Parameter",
        "├── + virginia  pulumi:providers:aws",
        "├── + bench  workshop:index:Bench  protected",
        "│   └── + bench-drawer  workshop:index:Drawer  protected",
        "│       └── + bench-drawer  aws:s3:Bucket  protected",
        "├── + reader  aws:iam:Role",
        "└── + viewer  aws:acm:Certificate",
        "",
    ]
    assert (
        outcome.out.splitlines()[-1] == f"dev: 9 resources to create, 1 pack, {ENFORCED}: passed, 1 advisory violation"
    )


def test_piped_output_has_no_colours_whatever_the_environment_says() -> None:
    outcome = rehearse(FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="30")
    assert "\033" not in outcome.out + outcome.err
    assert outcome.out == rehearse().out


def test_quiet_leaves_out_the_tree() -> None:
    outcome = rehearse("--quiet")
    assert "├──" not in outcome.out
    assert "lonely-bench" in outcome.out
    assert outcome.out.splitlines()[-1].startswith("dev: 9 resources")


def test_all_stacks_can_be_planned_in_one_run(tmp_path: Path) -> None:
    path = tmp_path / "plans.json"
    outcome = rehearse("--all-stacks", "--quiet", "--json", path)
    assert outcome.code == 0
    plans = json.loads(path.read_text())
    assert list(plans) == ["dev", "prod"]
    for stack, plan in plans.items():
        assert all(step["urn"].startswith(f"urn:pulumi:{stack}::workshop::") for step in plan["steps"])
        assert len(plan["steps"]) == 9
    keys = [step["newState"]["inputs"]["tags"]["key"] for plan in plans.values() for step in plan["steps"]
            if step["urn"].endswith("Role::reader")]  # fmt: skip
    assert [":111122223333:" in key for key in keys] == [True, False]
    assert ":999988887777:" in keys[1]


def test_all_stacks_fail_if_one_does(workshop: Path) -> None:
    (workshop / "Pulumi.prod.yaml").write_text("config: {}")
    outcome = rehearse("--all-stacks", "--quiet", project=workshop)
    assert outcome.code == 2
    assert f"dev: 9 resources to create, 1 pack, {ENFORCED}: passed" in outcome.out
    assert "prod: " in outcome.out


def test_a_json_path_is_relative_to_the_current_folder(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    outcome = rehearse("--json", path)
    assert json.loads(path.read_text())["changeSummary"] == {"create": 9}
    assert "workshop-dev" in outcome.out
    missing = rehearse("--json", tmp_path / "no" / "plan.json")
    assert missing.code == 2
    assert "No such file" in missing.err


def test_the_project_is_found_from_its_own_folder() -> None:
    assert WORKSHOP.is_dir()
    outcome = start("--quiet", project=Path("tests/rehearsal/projects/workshop"))
    assert outcome.code == 0


@pytest.mark.parametrize("options", [(), ("--json", "-")])
def test_a_closed_output_pipe_does_not_change_the_verdict(options: tuple[str, ...]) -> None:
    with running(*options) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        errors = process.stderr.read()
        assert process.wait() == 0, errors
    assert "Broken" not in errors


@pytest.mark.parametrize(
    "program",
    [
        "print('planned')",
        # Python ignores an exception that is raised in a destructor.
        "import time\nclass Slow:\n    def __del__(self):\n        print('planned')\n        time.sleep(600)\nSlow()",
    ],
    ids=["while-a-pack-judges", "in-a-destructor"],
)
def test_an_interrupt_ends_quietly(program: str, workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches all processes of a terminal."""
    monkeypatch.setenv("GRPC_TRACE", "api")  # gRPC would log every call
    with (workshop / "__main__.py").open("a") as main:
        main.write(f"{program}\n")
    with running("--pack", PACKS / "stuck", project=workshop) as process:
        assert process.stderr
        assert process.stderr.readline() == "planned\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate() == ("", "")
        assert process.returncode == 130


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    pack = shutil.copytree(PACKS / "silent", tmp_path / "silent")
    assert "didn't start within 1 s" in start("--pack", pack, "--pack-timeout", "1", "--quiet").err
    assert str(pack) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_control_characters_are_shown_as_escapes(workshop: Path) -> None:
    program = workshop / "__main__.py"
    name = "a\\x1b[2Jb\\u202ec\\nd"
    program.write_text(
        f"{program.read_text()}\nimport pulumi\nimport pulumi_aws as aws\n"
        f'aws.ssm.Parameter("{name}", type="String", value="x")\n'
        'pulumi.log.warn("one\\x1b[31m\\rtwo\\x9b")\n'
    )
    out = rehearse(project=workshop).out
    assert "+ a\\x1b[2Jb\\u202ec\\nd  aws:ssm:Parameter" in out
    assert "warning: one\\x1b[31m\\rtwo\\x9b" in out
    assert not {*"\x1b\u202e\r\x9b"} & {*out}
