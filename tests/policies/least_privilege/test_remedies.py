"""Remedies work: carried out literally, without any other knowledge, each makes its document pass."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from corpus.labelled import independent, own
from policies.least_privilege import knowledge
from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.faults.fault import Fault
from policies.least_privilege.knowledge import escalations, sensitive
from policies.least_privilege.language.documents import Kind
from tests.policies.least_privilege.test_findings import judged_documents

Statements = list[dict[str, Any]]

_ACTIONS: Final = r"(?:`[a-z0-9-]+:[\w-]+`(?:, )?)+"
ALLOW: Final = re.compile(rf"({_ACTIONS})(?: and \d+ more)? on ((?:`arn:[^`]+`(?:, )?)+)")
LEAVE_OUT: Final = re.compile(rf"Leave out ({_ACTIONS})")
CONDITION: Final = re.compile(rf"Add the condition `(\{{[^`]+\}})` to ({_ACTIONS})")


def found(statements: Statements) -> list[Fault]:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return list(document_faults(text, Kind.IDENTITY)) if statements else []


def names(text: str) -> list[str]:
    return re.findall("`([^`]+)`", text)


def filled(text: str) -> str:
    return text.replace("REGION", "eu-central-1").replace("ACCOUNT", "123456789012").replace("NAME", "orders")


def without(statements: Statements, actions: list[str]) -> Statements:
    left = []
    for statement in statements:
        kept = [action for action in statement["Action"] if action.lower() not in map(str.lower, actions)]
        if kept:
            left.append({**statement, "Action": kept})
    return left


def carried_out(statements: Statements, remedy: str) -> Statements:
    """Return the statements after carrying out a remedy. If it offers several ways, the first counts."""
    for actions, arns in ALLOW.findall(remedy):
        on = [filled(arn) for arn in names(arns)]
        statements = [
            *without(statements, names(actions)),
            {"Effect": "Allow", "Action": names(actions), "Resource": on},
        ]
    for actions in LEAVE_OUT.findall(remedy):
        statements = without(statements, names(actions))
    for condition, actions in CONDITION.findall(remedy):
        limited = [
            {
                **{element: value for element, value in statement.items() if element != "Sid"},
                "Action": [action for action in statement["Action"] if action in names(actions)],
                "Condition": statement.get("Condition", {}) | json.loads(filled(condition)),
            }
            for statement in statements
            if {*statement["Action"]} & {*names(actions)}
        ]
        statements = [*without(statements, names(actions)), *limited]
    return statements


def mended(statements: Statements) -> Statements:
    """Return the statements after carrying out the remedies of all findings, one after the other."""
    for _ in range(40):
        faults = found(statements)
        if not faults:
            return statements
        fault = faults[0]
        after = carried_out(statements, fault.remedy)
        assert after != statements, f"{fault.message}\nTo fix: {fault.remedy}\n{statements}"
        statements = after
    raise AssertionError(f"no end: {statements}, {found(statements)}")


def allow(actions: list[str], on: str = "*") -> Statements:
    return [{"Effect": "Allow", "Action": actions, "Resource": on}]


def every_action() -> Iterator[str]:
    for prefix in knowledge.prefixes():
        service = knowledge.service(prefix)
        assert service
        yield from service.listed(service.everything)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.nightly)], ids=["every fifth", "all"])
def test_carrying_out_the_remedy_for_an_action_on_everything_makes_it_pass(step: int) -> None:
    narrowed = 0
    for action in list(every_action())[::step]:
        after = mended(allow([action]))
        narrowed += bool(after) and after[0]["Resource"] != "*"
    assert narrowed > 9000 // step


@pytest.mark.parametrize("method", escalations.escalations(), ids=lambda method: method.id)
def test_the_remedy_of_an_escalation_removes_it(method: escalations.Escalation) -> None:
    statements = allow([*method.unbounded, *method.granted])
    faults = [fault for fault in found(statements) if f"({method.id})" in fault.message]
    if faults:  # AWS may have withdrawn an action
        after = carried_out(statements, faults[0].remedy)
        assert after != statements
        assert f"({method.id})" not in " ".join(fault.message for fault in found(after))
        mended(after)


@pytest.mark.parametrize(
    "category", ["grants", "sharing", "logins", "audit", "credentials", "exfiltration", "exposure"]
)
def test_carrying_out_the_remedies_for_sensitive_actions_makes_them_pass(category: sensitive.Category) -> None:
    for prefix, actions in sensitive.categories()[category].items():
        service = knowledge.service(prefix)
        assert service
        written = [name for action in actions for name in service.listed(service.mask(action))]
        mended(allow(written))


LIMITED: Final = {
    "iam:PutRolePolicy": "iam:PermissionsBoundary",
    "iam:AttachGroupPolicy": "iam:PolicyARN",
    "iam:CreatePolicyVersion": "",
    "iam:AddUserToGroup": "",
    "iam:UpdateAssumeRolePolicy": "",
}


@pytest.mark.parametrize("action", LIMITED)
def test_a_remedy_asks_for_a_condition_if_the_action_supports_its_key(action: str) -> None:
    [fault, *_] = [one for one in found(allow([action])) if "write any permission" in one.message]
    if LIMITED[action]:
        assert f'"{LIMITED[action]}": "arn:aws:iam::ACCOUNT:policy/NAME"' in fault.remedy
    else:
        assert fault.remedy == f"Leave out `{action}`, which no condition can limit."


PAIRS: Final = [
    *((write, use) for pair in escalations.ON_ONE_RESOURCE.values() for write in pair.writes for use in pair.uses),
    *((write, use) for pair in escalations.SEPARATE_DUTIES.values() for write in pair.writes for use in pair.uses),
]


@pytest.mark.parametrize(("write", "use"), PAIRS)
def test_carrying_out_the_remedy_for_a_pair_of_actions_makes_it_pass(write: str, use: str) -> None:
    mended(allow([write, use]))


def shown(statements: Statements) -> list[str]:
    """Return the remedies for statements, if each is written out and no action has a wildcard."""
    plain = all(one["Effect"] == "Allow" and "Action" in one for one in statements)
    # Remedies show ARNs of the partition `aws`.
    if (
        not plain
        or "arn:aws-" in json.dumps(statements)
        or any("*" in action for one in statements for action in one["Action"])
    ):
        return []
    remedies = [fault.remedy for fault in found(statements)]
    return remedies if all(CONDITION.search(one) or ALLOW.search(one) for one in remedies) else []


def test_carrying_out_the_remedies_makes_documents_of_the_corpus_pass() -> None:
    count = 0
    for labelled in (*own(), *independent()):
        if labelled.kind == "identity" and labelled.label == "block":
            written = labelled.document["Statement"]
            statements: Statements = copy.deepcopy(written if isinstance(written, list) else [written])
            for one in statements:
                if isinstance(one.get("Action"), str):
                    one["Action"] = [one["Action"]]
            if shown(statements):
                mended(statements)
                count += 1
    assert count > 50


def test_carrying_out_the_remedy_of_a_fault_removes_its_consequences() -> None:
    checked = Counter[str]()
    for text, kind, *_ in judged_documents():
        statements = plainly_written(text) if kind is Kind.IDENTITY else []
        for fault in found(statements):
            plain = all(can_be_carried_out(root) for root in fault.follows_from)
            if fault.follows_from and plain:
                after = statements
                for root in fault.follows_from:
                    after = carried_out(after, root.remedy)
                assert fault.summary not in {one.summary for one in found(after)}, (
                    fault.follows_from[0].message,
                    statements,
                )
                checked[fault.rule] += 1
    assert checked.total() > 500
    assert min(checked.values()) > 10


def plainly_written(text: str) -> Statements:
    """Return the statements of a document with lists of actions, if all have `Action` and `Resource`."""
    written = json.loads(text)["Statement"]
    statements: Statements = written if isinstance(written, list) else [written]
    if "arn:aws-" in text or not all("Action" in one and "Resource" in one for one in statements):
        return []
    return [
        {**one, "Action": [one["Action"]] if isinstance(one["Action"], str) else one["Action"]} for one in statements
    ]


def can_be_carried_out(fault: Fault) -> bool:
    """Tell whether a remedy names everything that the fault is about."""
    exact = not re.search(r"and \d+ more", fault.message + fault.remedy)
    plain = not any("*" in action for place in fault.places for action in place.actions)
    return exact and plain and any(form.search(fault.remedy) for form in (ALLOW, LEAVE_OUT, CONDITION))


def test_consequences_of_a_broad_pattern_have_the_remedy_of_the_pattern() -> None:
    for pattern in ("iam:*", "s3:*", "ec2:*"):
        [root, *others] = found(allow([pattern]))
        assert root.rule == "service-wildcard"
        assert len(others) > 2
        assert {fault.follows_from for fault in others} == {(root,)}
        assert {fault.remedy for fault in others} == {remedies.NAME_ACTIONS}
    # An action beside the pattern has its own remedy.
    faults = found(allow(["s3:*", "iam:PassRole"]))
    assert "Allow `iam:PassRole` on `arn:aws:iam::ACCOUNT:role/NAME`." in [fault.remedy for fault in faults]
