"""Each report begins with what a change destroys, replaces or can't do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from rehearsal.reports.changes import compare
from rehearsal.reports.consequences import DESTROYED, IMPOSSIBLE, REPLACED, consequences
from rehearsal.reports.markdown import markdown
from rehearsal.reports.since_last import text
from stackfiles.plan_document import PlanDocument, State, resource_label
from tests.planning import PROJECT, copy_project, document_of, plan_only

TARGETS: Final = "aws:lb/targetGroup:TargetGroup"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
BUCKET: Final = "aws:s3/bucket:Bucket"
ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
SOURCE: Final = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
SINK: Final = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
HEADERS: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
SECRET: Final = "aws:secretsmanager/secret:Secret"
OLD_TYPE: Final = "guarded:secrets:SecretContainers"
LISTENER: Final = "aws:lb/listener:Listener"

Told = list[tuple[str, str, str]]
"""Kind, resource, text."""


def told(base: PlanDocument, plan: PlanDocument) -> Told:
    found = consequences(compare(base, plan), plan, base)
    return [(one.kind, resource_label(one.urn).partition(" ")[0], one.text) for one in found]


def states(plan: PlanDocument, type_: str) -> list[State]:
    return [step["newState"] for step in plan["steps"] if step["newState"]["type"] == type_]


def inputs(type_: str, **changed: object) -> Callable[[PlanDocument], None]:
    """Change inputs of the first resource of a type."""

    def change(plan: PlanDocument) -> None:
        given: dict[str, Any] = states(plan, type_)[0]["inputs"]
        given.update(changed)

    return change


def options(type_: str, **changed: object) -> Callable[[PlanDocument], None]:
    def change(plan: PlanDocument) -> None:
        state: Any = states(plan, type_)[0]
        state.update(changed)

    return change


def without(type_: str) -> Callable[[PlanDocument], None]:
    def change(plan: PlanDocument) -> None:
        urn = states(plan, type_)[0]["urn"]
        plan["steps"] = [step for step in plan["steps"] if step["urn"] != urn]

    return change


def twice(type_: str) -> Callable[[PlanDocument], None]:
    """Add a resource with the name of another one."""

    def change(plan: PlanDocument) -> None:
        step: Any = copy.deepcopy(next(step for step in plan["steps"] if step["newState"]["type"] == type_))
        step["urn"] = step["newState"]["urn"] = f"{step['urn']}-again"
        plan["steps"].append(step)

    return change


CASES: Final[dict[str, tuple[str, list[Callable[[PlanDocument], None]], list[tuple[str, str]]]]] = {
    "nothing": ("prod", [], []),
    "in-place": ("dev", [inputs(TARGETS, deregistrationDelay=7)], []),
    "port-under-a-fixed-name": (
        "dev",
        [inputs(TARGETS, port=7)],
        [(IMPOSSIBLE, "of `port` under its fixed name, whi")],
    ),
    "port-with-a-new-name-of-the-old-order": (
        "dev",
        [inputs(TARGETS, port=7, name="x"), options(TARGETS, deleteBeforeReplace=True)],
        [(IMPOSSIBLE, "because of `name`, `port`, so the old one has to be deleted first, but AWS doesn't delete it")],
    ),
    "port-with-a-new-name": ("dev", [inputs(TARGETS, port=7, name="x")], [(REPLACED, "because of `name`, `port`: a")]),
    "bucket-renamed": ("dev", [inputs(BUCKET, bucket="x")], [(REPLACED, "because of `bucket`: the old one is delete")]),
    "protected-bucket-renamed": (
        "prod",
        [inputs(BUCKET, bucket="x")],
        [(IMPOSSIBLE, "is protected, and would be replaced because of `bucket`. Rem")],
    ),
    "group-in-another-network": ("dev", [inputs(GROUP, vpcId="vpc-1")], [(REPLACED, "because of `vpcId`: a new one")]),
    "group-described-anew": (
        "dev",
        [inputs(GROUP, description="x"), options(GROUP, deleteBeforeReplace=True)],
        [(IMPOSSIBLE, "AWS doesn't delete it while dev-edge (aws:lb:LoadBalancer) refers to it")],
    ),
    "role-path": ("dev", [inputs(ROLE, path="/x/")], [(IMPOSSIBLE, "because of `path` under its fixed name, so the")]),
    "policy-described-anew": (
        "dev",
        [inputs(POLICY, description="x")],
        [(IMPOSSIBLE, "(aws:iam:Role) refers to it. Give it another name")],
    ),
    "boundary-of-another-path": ("dev", [inputs(POLICY, path="/x/")], [(IMPOSSIBLE, "(aws:iam:Role) refers to it. ")]),
    "logs-of-another-kind": ("dev", [inputs(SOURCE, logType="x")], [(REPLACED, "because of `logType` under its fixe")]),
    "logs-in-another-format": (
        "dev",
        [inputs(SINK, outputFormat="x")],
        [(REPLACED, "because of `outputFormat` under")],
    ),
    "headers-renamed": ("dev", [inputs(HEADERS, name="x")], []),
    "listener-moved": ("dev", [inputs(LISTENER, loadBalancerArn="x")], [(REPLACED, "because of `loadBalancerArn`: a")]),
    "protected-removed": ("prod", [without(BUCKET)], [(IMPOSSIBLE, "is protected, and would be removed.")]),
    "removed": ("dev", [without(BUCKET)], [(DESTROYED, "is removed.")]),
    "name-of-another": ("dev", [twice(SECRET)], [(IMPOSSIBLE, "has the same name, `dev/")]),
    "replaced-as-the-program-says": (
        "dev",
        [inputs(TARGETS, tags={"a": "b"}), options(TARGETS, replaceOnChanges=["tags.a"])],
        [(IMPOSSIBLE, "would be replaced because of `tags` under its fixed name")],
    ),
    "ignored": ("dev", [inputs(TARGETS, port=7), options(TARGETS, ignoreChanges=["port"])], []),
}
"""Stack, edits of its plan, and the expected messages."""


@pytest.mark.parametrize("name", CASES)
def test_a_report_says_what_a_change_destroys_replaces_or_cannot_do(name: str) -> None:
    stack, edits, expected = CASES[name]
    base = document_of(stack)
    plan = copy.deepcopy(base)
    for edit in edits:
        edit(plan)
    found = told(base, plan)
    assert [kind for kind, _, _ in found] == [kind for kind, _ in expected]
    for (_, _, said), (_, wanted) in zip(found, expected, strict=True):
        assert wanted in said


def test_a_resource_retained_in_aws_is_not_reported_as_destroyed() -> None:
    base = document_of("dev")
    options(BUCKET, retainOnDelete=True)(base)
    plan = copy.deepcopy(base)
    without(BUCKET)(plan)
    assert told(base, plan) == []


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[PlanDocument, PlanDocument]:
    """Production's plan with another type for one component, without and with an alias for it."""
    folder = tmp_path_factory.mktemp("renamed")
    project = copy_project(folder)
    component, program = project / "components" / "secret_containers.py", project / "__main__.py"
    component.write_text(component.read_text().replace(OLD_TYPE, "guarded:vault:SecretContainers"))
    alias = f"    pulumi.ResourceOptions(aliases=[pulumi.Alias(type_='{OLD_TYPE}')]),\n)\n\nenvironment ="
    plans = []
    for options_ in (")\n\nenvironment =", alias):
        program.write_text((PROJECT / "__main__.py").read_text().replace(")\n\nenvironment =", options_))
        plan_only("prod", project, folder / "plan.json")
        plans.append(json.loads((folder / "plan.json").read_text()))
    return plans[0], plans[1]


def test_renaming_a_component_without_an_alias_cannot_succeed(renamed: tuple[PlanDocument, PlanDocument]) -> None:
    base, (plan, _) = document_of("prod"), renamed
    found = told(base, plan)
    removed = [name for kind, name, said in found if kind == IMPOSSIBLE and said.startswith("is protected, and would")]
    taken = [name for kind, name, said in found if kind == IMPOSSIBLE and "has the same name, `prod/" in said]
    assert len(removed) == len(taken) == len(states(base, SECRET))
    assert len(found) == len(removed) + len(taken)

    report = markdown(plan, base)
    headline, *rest = report.splitlines()
    assert headline.startswith("## ❌ `prod`: ")
    assert f"; {len(found)} can't succeed; " in headline
    assert rest[1] == "### Can't succeed"

    summary, first, *_ = text(base, plan).splitlines()
    assert "changed, " in summary
    assert first.startswith("  can't succeed: ")


def test_renaming_a_component_with_an_alias_replaces_nothing(renamed: tuple[PlanDocument, PlanDocument]) -> None:
    base, (_, plan) = document_of("prod"), renamed
    assert told(base, plan) == []
    assert {change.op for change in compare(base, plan)} == {"update"}
    assert {item.path for change in compare(base, plan) for item in change.properties} == {"(parent)"}
