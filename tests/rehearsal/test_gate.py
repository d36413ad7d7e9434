"""The packs decide: levels, configuration, remedies; a pack that doesn't work never lets a plan pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.reports.markdown import markdown
from stackfiles.plan_document import PlanDocument
from tests import ended_processes
from tests.forks import forked
from tests.planning import command
from tests.rehearsal.conftest import ENFORCED, PACKS, WORKSHOP, Outcome, rehearse

HOUSE = WORKSHOP / "policies" / "house"
BUCKET = "workshop:index:Bench$workshop:index:Drawer$aws:s3/bucket:Bucket::bench-drawer"


def judged(tmp_path: Path, config: object, *arguments: str) -> Outcome:
    """Run the house's rules with a configuration."""
    path = tmp_path / "house.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return rehearse("--pack", HOUSE, "--policy-config", path, *arguments)


def reported(tmp_path: Path, config: object, *arguments: str) -> tuple[Outcome, PlanDocument]:
    """Run the house's rules with a configuration; return the output and the plan."""
    file = tmp_path / "plan.json"
    outcome = judged(tmp_path, config, "--json", str(file), *arguments)
    plan: PlanDocument = json.loads(file.read_text())
    return outcome, plan


def violations(plan: PlanDocument) -> list[tuple[str, str]]:
    return [(violation["policy"], violation["level"]) for violation in plan["policyViolations"]]


def test_an_advisory_violation_passes() -> None:
    outcome = rehearse("--json", "-")
    assert outcome.code == 0
    assert violations(outcome.plan) == [("lonely-bench", "advisory")]


def test_a_mandatory_violation_fails_and_says_what_where_and_how(tmp_path: Path) -> None:
    outcome, plan = reported(tmp_path, {"bucket-prefix": {"prefix": "zz-"}}, "--quiet")
    assert outcome.code == 1
    violation = plan["policyViolations"][0]
    assert violation == {
        "pack": "house",
        "policy": "bucket-prefix",
        "level": "mandatory",
        "severity": "high",
        "urn": f"urn:pulumi:dev::workshop::{BUCKET}",
        "message": "Buckets carry the house's prefix.\nThe name doesn't start with zz-.\nTo fix: rename the bucket.",
        "sourcePosition": "project:///__main__.py#32",
        "sourceTrace": violation["sourceTrace"],
    }
    report = outcome.out
    assert "mandatory  bucket-prefix: bench-drawer (aws:s3:Bucket)  high" in report
    assert "The name doesn't start with zz-." in report
    assert "at __main__.py:32" in report
    assert report.splitlines()[-1] == (
        f"dev: 9 resources to create, 1 pack, {ENFORCED}: failed, 1 mandatory violation, 1 advisory violation"
    )


def test_a_stack_rule_can_be_mandatory(tmp_path: Path) -> None:
    outcome = judged(tmp_path, {"lonely-bench": "mandatory"}, "--json", "-")
    assert outcome.code == 1
    assert outcome.plan["policyViolations"][0]["urn"].endswith("workshop:index:Bench::bench")
    assert outcome.plan["policyViolations"][0]["sourcePosition"] == "project:///__main__.py#46"


def test_a_stack_violation_without_a_resource_is_about_the_stack(tmp_path: Path) -> None:
    outcome = judged(tmp_path, {"unsigned": "mandatory"}, "--json", "-")
    about = {violation["policy"]: violation["urn"] for violation in outcome.plan["policyViolations"]}
    assert about["unsigned"] == "urn:pulumi:dev::workshop::pulumi:pulumi:Stack::workshop-dev"
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("config", "expected", "said"),
    [
        ({"all": "disabled"}, [], "0 of 4 rules enforced (disabled: every rule): passed"),
        ({"all": "advisory"}, None, "0 of 4 rules enforced (advisory: every rule): passed"),
        ({"all": "mandatory"}, None, "4 rules: failed"),
        ({"all": {"enforcementLevel": "disabled"}, "lonely-bench": "mandatory"}, [("lonely-bench", "mandatory")], ""),
        ({"bucket-prefix": {"enforcementLevel": "advisory", "prefix": "zz-"}, "lonely-bench": "disabled"},
         [("bucket-prefix", "advisory")], ""),
        ({"all": "remediate", "lonely-bench": "disabled", "unsigned": "disabled"}, None,
         "2 of 4 rules enforced (disabled: "),
        ("", [("lonely-bench", "advisory")], ENFORCED),
    ],
)  # fmt: skip
def test_enforcement_levels_come_from_configuration_and_are_in_the_summary(
    tmp_path: Path, config: object, expected: list[tuple[str, str]] | None, said: str
) -> None:
    outcome, plan = reported(tmp_path, config, "--quiet")
    assert f"1 pack, {said}" in outcome.out.splitlines()[-1]
    found = violations(plan)
    assert expected is None or found == expected
    assert outcome.code == int(any(level == "mandatory" for _, level in found))


def test_the_report_on_a_pull_request_says_which_rules_are_not_enforced(tmp_path: Path) -> None:
    plan = judged(tmp_path, {"all": "disabled", "untagged": "remediate"}, "--json", "-").plan
    assert plan["policyEnforcement"] == {
        "rules": 4,
        "advisory": [],
        "disabled": ["bucket-prefix", "lonely-bench", "unsigned"],
        "waived": [],
    }
    plan["steps"][1]["urn"] += "\x1b[2J`\n# heading"
    report = markdown(plan)
    headline = report.splitlines()[0]
    assert headline.endswith("no violations; 1 of 4 rules enforced (disabled: bucket-prefix, lonely-bench, unsigned)")
    assert "\\x1b[2J" in report
    assert "\x1b" not in report
    assert "\n# heading" not in report


def test_a_remedy_changes_the_resource_before_it_is_judged(tmp_path: Path) -> None:
    broken = judged(tmp_path, {"untagged": "mandatory"}, "--json", "-")
    assert ("untagged", "mandatory") in violations(broken.plan)
    assert "tags" not in broken.states()[BUCKET]["inputs"]

    outcome, mended = reported(tmp_path, {"untagged": "remediate"})
    assert outcome.code == 0
    (inputs,) = [step["newState"]["inputs"] for step in mended["steps"] if step["urn"].endswith(BUCKET)]
    assert inputs == {"bucket": "rc-bench-drawer", "tags": {"Owner": "house"}}
    assert mended["policyRemediations"] == [
        {"pack": "house", "policy": "untagged", "urn": f"urn:pulumi:dev::workshop::{BUCKET}"}
    ]
    assert "changed by house/untagged: bench-drawer" in outcome.out


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", ["isn't JSON"]),
        ([], ["accepted: an object"]),
        (
            {
                "lonely-bench": "strict",
                "untagged": 3,
                "bucket-prefixes": "advisory",
                "bucket-prefix": {"prefix": 7, "why": 8},
            },
            [
                "lonely-bench: `enforcementLevel` is 'strict'; accepted: advisory",
                "untagged: accepted: an enforcement level or an object",
                "no rule `bucket-prefixes`; did you mean `bucket-prefix`?",
                "bucket-prefix: `prefix` must be of type string",
                "bucket-prefix: `why` must be of type string",
            ],
        ),
        ({"bucket-prefix": {"prefix": "z"}}, ["bucket-prefix: `prefix` must have 2 or more characters"]),
    ],
)
def test_bad_policy_configuration_is_refused_with_every_problem(
    tmp_path: Path, config: object, said: list[str]
) -> None:
    outcome = judged(tmp_path, config)
    assert outcome.code == 2
    assert [problem for problem in said if problem not in outcome.err] == []
    assert "house.json" in outcome.err
    assert "Traceback" not in outcome.out + outcome.err


def test_configuration_of_a_pack_is_found_by_its_name(workshop: Path) -> None:
    folder = workshop / "policies" / "config"
    folder.mkdir()
    (folder / "house.dev.json").write_text('{"bucket-prefix": {"prefix": "zz-"}}')
    assert rehearse("--quiet", project=workshop).code == 1
    assert rehearse("--quiet", project=workshop, stack="prod").code == 0


def assert_failed(outcome: Outcome, pack: str, *said: str) -> None:
    assert outcome.code == 1
    assert f"policy pack {pack} " in outcome.err
    assert all(text in outcome.err for text in said)
    assert "Traceback" not in outcome.out + outcome.err
    assert ": failed" in outcome.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        ("dead", ("ended with exit code 3 while it was starting", "no rules today")),
        ("chatty", ("printed `welcome` instead of its port",)),
        ("crashing", ("died while answering", "out of memory")),
        ("raising", ("failed to answer", "a rule with a hole")),
    ],
)
def test_a_pack_that_does_not_work_fails_the_rehearsal(pack: str, said: tuple[str, ...]) -> None:
    assert_failed(rehearse("--pack", HOUSE, "--pack", PACKS / pack, "--quiet"), pack, *said)


def test_a_pack_that_does_not_start_fails_the_rehearsal() -> None:
    outcome = rehearse("--pack", PACKS / "silent", "--pack-timeout", "1", "--quiet")
    assert_failed(outcome, "silent", "didn't start within 1 s")


def impatient(register: Path, packs: Path, *arguments: str) -> int:
    """Act as the command; of the 8 s that a pack has for a verdict on a resource, wait only a fraction."""
    from rehearsal.engine.processes import Process

    answer = Process.answer

    class Soon:
        def __init__(self, call: Any) -> None:  # noqa: ANN401 - any call
            self._call = call

        def result(self, timeout: float) -> object:
            assert timeout == 8
            return self._call.result(timeout=0.2)

    def answer_soon(process: Process, call: Any, what: str) -> Any:  # noqa: ANN401 - any answer
        return answer(process, Soon(call) if what.startswith("about urn:") else call, what)  # type: ignore[arg-type]

    pytest.MonkeyPatch().setattr(Process, "answer", answer_soon)
    return command(register, packs, *arguments)


def test_a_pack_that_does_not_answer_fails_the_rehearsal(tmp_path: Path) -> None:
    """The pack is running already when its time begins, so a slow start can't use up that time."""
    refused = tmp_path / "refused.json"
    refused.write_text("[]")
    stuck = ("--pack", PACKS / "stuck")
    assert rehearse(*stuck, "--policy-config", refused, resident=PACKS).code == 2
    options = ("--project", str(WORKSHOP), "--stack", "dev", *map(str, stuck), "--pack-timeout", "8", "--quiet")
    done = forked(impatient, ended_processes.register(), PACKS, *options)
    outcome = Outcome(done.code, done.out, done.err)
    assert_failed(outcome, "stuck", "didn't answer about urn:pulumi:dev::workshop::", "within 8 s")


def test_a_project_without_packs_is_refused(workshop: Path) -> None:
    (workshop / "policies" / "house" / "PulumiPolicy.yaml").unlink()
    outcome = rehearse(project=workshop)
    assert outcome.code == 2
    assert "nothing would be judged" in outcome.err


def test_the_summary_of_an_unjudged_plan_says_so() -> None:
    outcome = rehearse("--unjudged", "--quiet")
    assert (outcome.code, outcome.out) == (0, "dev: 9 resources to create: no pack judged them\n")
    assert rehearse("--unjudged", "--pack", HOUSE).code == 2


def test_a_folder_that_is_not_a_pack_is_refused() -> None:
    outcome = rehearse("--pack", WORKSHOP)
    assert outcome.code == 2
    assert "isn't a policy pack" in outcome.err
