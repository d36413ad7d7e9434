"""The plan matches the engine's: URNs, unknowns, secrets, options, providers, configuration, source positions.

The expected values come from `pulumi preview --json` of the real engine on the same project.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.conftest import PACKS, PROGRAMS, WORKSHOP, Outcome, rehearse, start

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STACK = "pulumi:pulumi:Stack::workshop-dev"
BENCH = "workshop:index:Bench::bench"
DRAWER = "workshop:index:Bench$workshop:index:Drawer::bench-drawer"
BUCKET = "workshop:index:Bench$workshop:index:Drawer$aws:s3/bucket:Bucket::bench-drawer"
READER = "aws:iam/role:Role::reader"
VIEWER = "aws:acm/certificate:Certificate::viewer"
TOKEN = "aws:ssm/parameter:Parameter::token"
SETTINGS = "aws:ssm/parameter:Parameter::settings"
VIRGINIA = "pulumi:providers:aws::virginia"
DEFAULT = "pulumi:providers:aws::default_7_51_1"
PREFIX = "urn:pulumi:dev::workshop::"


def test_urns_carry_the_types_of_all_parents_but_the_stack(witnessed: Outcome) -> None:
    assert set(witnessed.states()) == {STACK, BENCH, DRAWER, BUCKET, READER, VIEWER, TOKEN, SETTINGS, VIRGINIA}
    assert all(step["op"] == "create" for step in witnessed.plan["steps"])
    assert witnessed.plan["changeSummary"] == {"create": 9}


def test_a_child_names_its_parent(witnessed: Outcome) -> None:
    states = witnessed.states()
    assert states[BUCKET]["parent"] == PREFIX + DRAWER
    assert states[DRAWER]["parent"] == PREFIX + BENCH
    assert states[BENCH]["parent"] == PREFIX + STACK
    assert "parent" not in states[STACK]


def test_a_computed_value_is_unknown_wherever_it_is_used(witnessed: Outcome) -> None:
    reader = witnessed.states()[READER]["inputs"]
    assert reader["name"] == "dev-reader"
    assert reader["policy"] == UNKNOWN
    assert reader["tags"]["bucket"] == UNKNOWN
    assert witnessed.seen("resource")[READER]["properties"]["policy"] == UNKNOWN


def test_secrets_are_masked_in_the_plan_and_known_to_the_packs(witnessed: Outcome) -> None:
    token = witnessed.states()[TOKEN]["inputs"]
    assert token["value"] == "[secret]"
    assert token["nested"] == {"values": ["plain", "[secret]"]}
    assert witnessed.seen("resource")[TOKEN]["properties"]["value"] == "PLACEHOLDER-TOKEN"
    assert witnessed.plan["config"]["workshop:token"] == "[secret]"


def test_no_output_contains_a_secret() -> None:
    outcome = rehearse("--json", "-")
    assert outcome.code == 0
    assert "PLACEHOLDER-TOKEN" not in outcome.out + outcome.err


def test_a_pack_has_no_secret_configuration(witnessed: Outcome) -> None:
    seen = witnessed.seen("resource")[STACK]
    assert seen["token"] is None
    assert seen["owner"] == "platform"


def test_the_plan_has_dependencies_of_resources_and_properties(witnessed: Outcome) -> None:
    state = witnessed.states()[READER]
    assert state["dependencies"] == [PREFIX + BUCKET]
    assert state["propertyDependencies"] == {"name": [], "policy": [PREFIX + BUCKET], "tags": [PREFIX + BUCKET]}
    seen = witnessed.seen("stack")[READER]
    assert seen["dependencies"] == [PREFIX + BUCKET]
    assert seen["propertyDependencies"] == {"policy": [PREFIX + BUCKET], "tags": [PREFIX + BUCKET]}


def test_protection_is_inherited_and_reaches_the_packs(witnessed: Outcome) -> None:
    assert [urn for urn, state in witnessed.states().items() if state.get("protect")] == [BENCH, DRAWER, BUCKET]
    assert witnessed.seen("resource")[BUCKET]["protect"] is True
    assert witnessed.seen("resource")[READER]["protect"] is False


def test_options_reach_the_packs(witnessed: Outcome) -> None:
    assert witnessed.states()[VIEWER]["ignoreChanges"] == ["tags"]
    seen = witnessed.seen("resource")
    assert seen[VIEWER]["ignoreChanges"] == ["tags"]
    assert seen[BUCKET]["parent"] == PREFIX + DRAWER


def test_the_plan_has_default_and_explicit_providers(witnessed: Outcome) -> None:
    states, seen = witnessed.states(), witnessed.seen("resource")
    assert states[READER]["provider"] == f"{PREFIX}{DEFAULT}::{UNKNOWN}"
    assert states[VIEWER]["provider"] == f"{PREFIX}{VIRGINIA}::{UNKNOWN}"
    assert states[VIRGINIA]["inputs"] == {"__internal": {}, "region": "us-east-1", "version": "7.51.1"}
    assert DEFAULT not in states
    assert seen[DEFAULT]["properties"] == {
        "region": "eu-central-1",
        "allowedAccountIds": '["111122223333"]',
        "version": "7.51.1",
    }
    assert seen[READER]["provider"] == seen[DEFAULT]["properties"]
    assert seen[VIEWER]["provider"] == seen[VIRGINIA]["properties"] == {"region": "us-east-1", "version": "7.51.1"}


def test_the_plan_has_the_source_position_of_each_resource(witnessed: Outcome) -> None:
    lines = (WORKSHOP / "__main__.py").read_text().splitlines()
    states = witnessed.states()
    assert "sourcePosition" not in states[STACK]
    for urn, code in ((BUCKET, "self.bucket = Thing("), (DRAWER, "self.drawer = Drawer("), (READER, "role = Thing(")):
        file, line = states[urn]["sourcePosition"].split("#")
        assert file == "project:///__main__.py"
        assert code in lines[int(line) - 1]


def test_configuration_has_the_projects_defaults(witnessed: Outcome) -> None:
    assert witnessed.plan["config"] == {
        "aws:allowedAccountIds": '["111122223333"]',
        "aws:region": "eu-central-1",
        "workshop:owner": "platform",
        "workshop:replicas": "3",
        "workshop:token": "[secret]",
        "workshop:zones": '["a","b"]',
    }
    settings = witnessed.states()[SETTINGS]["inputs"]
    assert settings["replicas"] == 3
    assert settings["value"] == '{"owner": "platform", "zones": ["a", "b"]}'


def test_a_data_source_uses_the_account_and_region_of_its_provider(witnessed: Outcome) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:dev/workshop/key-XXXXXX"
    assert witnessed.states()[READER]["inputs"]["tags"]["key"] == arn


def test_stack_rules_see_outputs(witnessed: Outcome) -> None:
    seen = witnessed.seen("stack")
    bucket = seen[BUCKET]["properties"]
    assert {key: bucket[key] for key in ("bucket", "id", "arn", "forceDestroy")} == {
        "bucket": "rc-bench-drawer",
        "id": UNKNOWN,
        "arn": UNKNOWN,
        "forceDestroy": False,  # the program doesn't give it, the provider adds it
    }
    assert seen[DRAWER]["properties"] == {"bucketArn": UNKNOWN}
    assert seen[DRAWER]["parent"] == PREFIX + BENCH
    assert seen[STACK]["properties"] == {"bench": "open", "roleArn": UNKNOWN, "token": "PLACEHOLDER-TOKEN"}
    assert set(seen) == set(witnessed.states()) | {DEFAULT}


def test_a_pack_gets_its_project_stack_and_folder(witnessed: Outcome) -> None:
    seen = witnessed.seen("resource")[STACK]
    assert (seen["project"], seen["stack"], seen["dryRun"], seen["folder"]) == ("workshop", "dev", True, "witness")


def test_the_plan_is_the_same_each_time(witnessed: Outcome) -> None:
    again = start("--json", "-", "--pack", PACKS / "witness")
    assert again.out == witnessed.out


def test_the_real_sdk_has_unknown_computed_properties_and_absent_optional_ones(workshop: Path) -> None:
    """Computed properties are unknown; optional attributes that the provider doesn't compute stay absent."""
    (workshop / "__main__.py").write_text((PROGRAMS / "typed.py").read_text())
    outcome = rehearse("--json", "-", "--pack", PACKS / "witness", project=workshop)
    assert outcome.code == 0, outcome.err
    states, seen = outcome.states(), outcome.seen("stack")
    derived, plain = "aws:ssm/parameter:Parameter::derived", "aws:ssm/parameter:Parameter::plain"
    assert states[derived]["inputs"]["value"] == "[secret]"
    assert outcome.seen("resource")[derived]["properties"]["value"] == UNKNOWN
    assert outcome.seen("resource")[plain]["properties"]["value"] == (
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:dev/x-XXXXXX"
    )
    assert seen[plain]["properties"]["arn"] == UNKNOWN
    assert "tier" not in states[plain]["inputs"]
    assert "allowedPattern" not in seen[plain]["properties"]


def test_an_import_is_planned_as_an_import(workshop: Path) -> None:
    (workshop / "__main__.py").write_text((PROGRAMS / "imports.py").read_text())
    outcome = rehearse("--json", "-", project=workshop)
    assert outcome.plan["changeSummary"] == {"create": 1, "import": 1}
    assert outcome.states()["aws:s3/bucket:Bucket::old"]["id"] == "rc-old"


def test_transforms_change_what_is_registered(workshop: Path) -> None:
    """A resource's own transforms come first, then its component's, then the stack's, in the order of registration."""
    (workshop / "__main__.py").write_text((PROGRAMS / "transforms.py").read_text())
    outcome = rehearse("--json", "-", "--pack", PACKS / "witness", project=workshop)
    assert outcome.code == 0, outcome.out
    parameters = {urn.rpartition("::")[2]: state for urn, state in outcome.states().items() if "Parameter::" in urn}
    assert {name: state["inputs"]["description"] for name, state in parameters.items()} == {
        "kept": "own shelf stack",
        "plain": "shelf stack",
        "untouched": "stack",
    }
    assert {name for name, state in parameters.items() if state.get("protect")} == {"kept"}
    assert parameters["kept"]["ignoreChanges"] == ["value"]
    assert parameters["kept"]["inputs"]["value"] == "[secret]"
    assert parameters["kept"]["inputs"]["tags"] == {"bucket": UNKNOWN, "known": "yes"}
    seen = outcome.seen("resource")
    looked_up = next(properties for urn, properties in seen.items() if urn.endswith("untouched"))["properties"]
    assert looked_up["value"].endswith(":secret:LOOKED-UP-XXXXXX")


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ("lambda args: 1 / 0", "a transform failed: division by zero"),
        ("lambda args: {}['name']", "a transform failed: 'name'"),
        ("lambda args: args.nothing", "has no attribute 'nothing'"),
    ],
)
def test_a_transform_that_fails_fails_the_rehearsal(workshop: Path, transform: str, said: str) -> None:
    program = f"import pulumi\npulumi.runtime.register_resource_transform({transform})\n"
    (workshop / "__main__.py").write_text(f"{program}pulumi.ComponentResource('a:b:C', 'c', {{}})")
    outcome = rehearse(project=workshop)
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.out
