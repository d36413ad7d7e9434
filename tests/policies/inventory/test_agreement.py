"""The command that shows and writes what owners agreed to: it reports each change, and changes nothing on its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policies.inventory.agreement import __main__ as command
from stackfiles.project import stacks
from tests.owner import FILES, owned
from tests.planning import copy_project, plan_of


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plan_file(tmp_path_factory.mktemp("plan"), "prod")


def plan_file(folder: Path, stack: str) -> Path:
    """Return a file with a stack's plan, for `--plan`."""
    file = folder / "plan.json"
    steps = [{"newState": {"type": step.type, "inputs": step.inputs}} for step in plan_of(stack).steps]
    file.write_text(json.dumps({"steps": steps}))
    return file


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["agreement", *arguments])
    return command.main()


def written(project: Path, stack: str = "prod") -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project / "policies" / "config" / f"inventory.{stack}.json").read_text())
    return read


@pytest.mark.parametrize("stack", stacks(FILES))
def test_the_committed_agreement_matches_settings_and_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, stack: str
) -> None:
    plan = plan_file(tmp_path, stack)
    code = run(monkeypatch, "show", "--stack", stack, "--plan", str(plan), "--project", str(owned()))
    shown = capsys.readouterr()
    assert code == 0, f"run python -m tests.owner\n{shown.err}"
    assert json.loads(shown.out) == written(owned(), stack)


def test_writing_shows_the_difference_and_asks_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, plan: Path
) -> None:
    project = copy_project(tmp_path)
    stack = project / "Pulumi.prod.yaml"
    stack.write_text(stack.read_text().replace("ronaldhatcher.kinde.com", "somebody.kinde.com"))
    before = written(project)
    where = ("--plan", str(plan), "--project", str(project))
    assert run(monkeypatch, "show", *where) == 1
    assert '+    "issuer": "https://somebody.kinde.com"' in capsys.readouterr().err

    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert run(monkeypatch, "write", *where) == 1
    assert written(project) == before

    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert run(monkeypatch, "write", "--take-away", *where) == 0
    after = written(project)
    assert after["pinned-identity-provider"]["hosts"] == ["somebody.kinde.com"]
    assert {key: value for key, value in after.items() if key != "pinned-identity-provider"} == {
        key: value for key, value in before.items() if key != "pinned-identity-provider"
    }
    assert run(monkeypatch, "write", *where) == 0
    assert "nothing to write" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [(("--yes",), True), (("--yes", "--keep"), True), (("--yes", "--take-away"), False), ((), True)],
)
def test_additions_by_hand_are_reported_and_kept_unless_taken_away(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    plan: Path,
    arguments: tuple[str, ...],
    kept: bool,
) -> None:
    project = copy_project(tmp_path)
    file = project / "policies" / "config" / "inventory.prod.json"
    configuration = written(project)
    configuration["unjudged-type"]["types"] = ["aws:sqs/queue:Queue"]
    configuration["pinned-record"]["records"]["status.rocketclub.online"] = "CNAME status.example.org"
    file.write_text(json.dumps(configuration))
    answers = iter(["no", "yes"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert run(monkeypatch, "write", "--plan", str(plan), "--project", str(project), *arguments) == 0
    printed = capsys.readouterr().out
    assert "unjudged-type: types: aws:sqs/queue:Queue" in printed
    assert "pinned-record: records: status.rocketclub.online" in printed
    after = written(project)
    assert ("aws:sqs/queue:Queue" in after["unjudged-type"]["types"]) == kept
    assert ("status.rocketclub.online" in after["pinned-record"]["records"]) == kept
    assert set(written(owned())["unjudged-type"]["types"]) <= set(after["unjudged-type"]["types"])


def test_an_empty_plan_empties_no_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    nothing = tmp_path / "nothing.json"
    nothing.write_text(json.dumps({"steps": []}))
    before = written(project)
    where = ("--plan", str(nothing), "--project", str(project))
    assert run(monkeypatch, "write", "--yes", "--take-away", *where) == 0
    assert written(project) == before


def test_an_incomplete_plan_is_not_agreed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, plan: Path
) -> None:
    project = copy_project(tmp_path)
    before = written(project)
    part = tmp_path / "part.json"
    part.write_text(json.dumps({"steps": [], "error": "the program failed"}))
    assert run(monkeypatch, "write", "--yes", "--plan", str(part), "--project", str(project)) == 2
    assert "the program failed" in capsys.readouterr().err
    assert written(project) == before


def test_waivers_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan: Path) -> None:
    project = copy_project(tmp_path)
    file = project / "policies" / "config" / "inventory.prod.json"
    waivers = [{"resource": "it", "reason": "a good reason", "owner": "me", "expires": "2030-01-01"}]
    file.write_text(json.dumps({"unjudged-type": {"waivers": waivers, "types": []}}))
    assert run(monkeypatch, "write", "--yes", "--plan", str(plan), "--project", str(project)) == 0
    assert written(project)["unjudged-type"]["waivers"] == waivers
    assert written(project)["unjudged-type"]["types"] == written(owned())["unjudged-type"]["types"]


@pytest.mark.parametrize("arguments", [("--help",), ("show", "--help"), ("write", "--help"), ("types", "--help")])
def test_help_has_no_effect(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: pytest.fail("help writes"))
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *arguments)
    assert ended.value.code == 0


@pytest.mark.parametrize("problem", ["no stack", "no JSON", "no key"])
def test_bad_input_gives_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    plan: Path,
    problem: str,
) -> None:
    project = copy_project(tmp_path)
    if problem == "no JSON":
        (project / "policies" / "config" / "inventory.prod.json").write_text("{")
    elif problem == "no key":
        file = project / "Pulumi.prod.yaml"
        file.write_text(file.read_text().replace("kindeDomain", "other"))
    arguments = ("--stack", "staging") if problem == "no stack" else ()
    assert run(monkeypatch, "show", "--plan", str(plan), "--project", str(project), *arguments) == 2
    expected = {"no stack": "Pulumi.staging.yaml", "no JSON": "isn't JSON", "no key": "kindeDomain is missing"}
    assert expected[problem] in capsys.readouterr().err


def test_every_type_is_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "types", "--project", str(owned())) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "aws:cloudcontrol/resource:Resource  refused: no rule judges it" in lines
    assert any(line.startswith("aws:iam/role:Role  allowed: judged by pinned-role") for line in lines)
    assert any(line.startswith("aws:sqs/queue:Queue  refused until it is agreed: judged by") for line in lines)
