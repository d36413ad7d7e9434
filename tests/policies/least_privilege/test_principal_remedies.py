"""Remedies about principals and tags: adding the condition that a rule asks for to a document of the corpus removes the
fault."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.rules.documents import RULES
from tests.policies.least_privilege.test_findings import judged_documents
from tests.policies.least_privilege.test_remedies import CONDITION, carried_out, plainly_written
from tests.policies.least_privilege.test_remedies import found as identity_faults

REMEDIES: Final = {rule.id: rule.remedy for rule in RULES}
ASKED: Final = re.compile(r"[Aa]dd a condition on ((?:`[a-z0-9]+:\w+`(?:,? or |, and on |, )?)+)")
VALUES: Final[dict[str, tuple[str, str]]] = {
    "sts:ExternalId": ("StringEquals", "a-2f9c61d0"),
    "aws:PrincipalOrgID": ("StringEquals", "o-a1b2c3d4e5"),
    "aws:PrincipalArn": ("ArnEquals", "arn:aws:iam::123456789012:role/partner"),
    "aws:SourceAccount": ("StringEquals", "123456789012"),
}
"""Key that a remedy names -> an operator and a value that an author would write."""
AUDIENCE: Final = re.compile("no condition limits `([^`]+:aud)`")


def with_condition(text: str, fault: Fault, key: str, demanded: tuple[str, str] | None = None) -> str:
    """Return a document whose statements at the fault have one more condition, replacing those on its key."""
    document = json.loads(text)
    written = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    operator, value = demanded or VALUES.get(key, ("StringEquals", "sts.amazonaws.com"))
    for place in fault.places:
        number = re.match(r"statement (\d+)", place.statement.where)
        assert number
        statement = written[int(number[1]) - 1]
        conditions: dict[str, dict[str, Any]] = {
            one: {name: values for name, values in lines.items() if name.lower() != key.lower()}
            for one, lines in statement.get("Condition", {}).items()
        }
        conditions.setdefault(operator, {})[key] = value
        statement["Condition"] = {one: lines for one, lines in conditions.items() if lines}
    return json.dumps({**document, "Statement": written})


def test_adding_the_condition_that_a_remedy_asks_for_fixes_the_fault() -> None:
    carried = Counter[tuple[str, str]]()
    for text, kind, service, faults in judged_documents():
        for fault in faults if kind in (Kind.TRUST, Kind.RESOURCE) else ():
            asked = ASKED.search(fault.remedy or REMEDIES[fault.rule])
            keys = [key for key in re.findall("`([^`]+)`", asked[1]) if key in VALUES] if asked else []
            # A fault in what a condition lets in is fixed by its values, not by another condition.
            if fault.rule not in UNBOUND or "for the account" in fault.summary or "of another" in fault.summary:
                continue
            for key in keys + AUDIENCE.findall(fault.summary):
                left = document_faults(with_condition(text, fault, key), kind, service)
                assert (fault.rule, fault.summary) not in {(one.rule, one.summary) for one in left}, (text, key)
                carried[fault.rule, key if key in VALUES else "aud"] += 1
    assert {rule for rule, _ in carried} == UNBOUND
    assert min(carried.values()) >= 5


UNBOUND: Final = {
    RuleId.CROSS_ACCOUNT_TRUST,
    RuleId.UNSCOPED_SERVICE_TRUST,
    RuleId.CONFUSED_DEPUTY,
    RuleId.CROSS_ACCOUNT_ACCESS,
    RuleId.FEDERATION_WITHOUT_AUDIENCE,
}


def test_the_condition_that_a_remedy_shows_fixes_the_fault() -> None:
    carried = Counter[tuple[str, str]]()
    for text, kind, service, faults in judged_documents():
        for fault in faults if kind is Kind.TRUST else ():
            shown = CONDITION.search(fault.remedy)
            if not shown:
                continue
            [(operator, [(key, example)])] = ((one, [*keys.items()]) for one, keys in json.loads(shown[1]).items())
            value = re.sub("[A-Z]{4,}", lambda word: PROJECT.get(word[0], "orders"), example)
            left = document_faults(with_condition(text, fault, key, (operator, value)), kind, service)
            assert {one.summary for one in left} <= {one.summary for one in faults} - {fault.summary}, (
                text,
                fault.remedy,
            )
            carried[fault.rule, example] += 1
    assert {rule for rule, _ in carried} == {RuleId.FEDERATION_WITHOUT_SUBJECT, RuleId.LOOSE_FEDERATION_SUBJECT}
    assert len({example for _, example in carried}) > 8


PROJECT: Final = {"UUID": "0f3a5c1e-5b7d-4c1f-9a2e-6d8b0c4e2f71"}
"""Placeholder in a remedy -> what an author would write, where that needs a special form."""


def test_naming_a_principal_fixes_faults_about_everybody() -> None:
    named = Counter[str]()
    for text, kind, service, faults in judged_documents():
        for fault in faults:
            if fault.rule not in (RuleId.OPEN_TRUST, RuleId.PUBLIC_RESOURCE_POLICY, RuleId.NOT_PRINCIPAL):
                continue
            document = json.loads(text)
            statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
            for place in fault.places:
                number = re.match(r"statement (\d+)", place.statement.where)
                assert number
                statement = statements[int(number[1]) - 1]
                statement.pop("NotPrincipal", None)
                statement["Principal"] = {"AWS": "arn:aws:iam::123456789012:role/orders"}
            left = document_faults(json.dumps({**document, "Statement": statements}), kind, service)
            assert fault.summary not in {one.summary for one in left}, text
            named[fault.rule] += 1
    assert min(named.values()) >= 5
    assert len(named) == 3


def test_removing_the_tagging_action_fixes_faults_about_tags() -> None:
    carried = 0
    for text, kind, *_ in judged_documents():
        for fault in identity_faults(plainly_written(text)) if kind is Kind.IDENTITY else ():
            if " sets the tag `" in fault.summary and not any("*" in one for one in fault.places[0].actions):
                after = carried_out(plainly_written(text), fault.remedy)
                assert fault.summary not in {one.summary for one in identity_faults(after)}, text
                carried += 1
    assert carried > 20
