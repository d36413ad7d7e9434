"""The report tells a fault once, with all rules that find it, and never folds what is enforced or mended otherwise."""

from __future__ import annotations

import json

from policies.least_privilege import RULES
from policies.rulebook import Judgement, Resource, Scope
from policies.rulebook.configuration import with_defaults
from rehearsal.engine.plan import Plan, Violation
from rehearsal.reports import console

URN = "urn:pulumi:prod::shop::aws:iam/rolePolicy:RolePolicy::worker"


def violation(
    policy: str, body: str, remedy: str, *, level: str = "mandatory", source: str = "", urn: str = URN
) -> Violation:
    message = f"Title of {policy}.\n{body}\nTo fix: {remedy}"
    return Violation("least-privilege", policy, level, "high", urn, message, source)


def report(*violations: Violation) -> str:
    return console.text(Plan("shop", "prod", violations=violations, packs=1), terminal=False, quiet=True)


def test_rules_that_find_the_same_are_told_once_and_named() -> None:
    printed = report(
        violation("wildcard-resource", "It's allowed on `*`.", "Name the role."),
        violation("unscoped-pass-role", "It's allowed for every role.", "Name the role."),
        violation("wildcard-action", "Every action.", "Name the actions."),
    )
    assert printed.count("To fix: Name the role.") == 1
    assert "    unscoped-pass-role (high): It's allowed for every role.\n" in printed
    assert "Title of unscoped-pass-role." not in printed
    assert "mandatory  wildcard-action: worker" in printed
    assert "3 mandatory violations" in printed


def test_each_finding_of_one_rule_stays() -> None:
    printed = report(
        violation("cross-account-trust", "It trusts `a`.", "Add a condition."),
        violation("cross-account-trust", "It trusts `b`.", "Add a condition."),
    )
    assert printed.count("Title of cross-account-trust.") == printed.count("To fix: Add a condition.") == 1
    assert "It trusts `a`." in printed
    assert "It trusts `b`." in printed
    assert "(high):" not in printed


def test_nothing_is_folded_that_differs_in_level_line_resource_or_remedy() -> None:
    same = violation("a", "One.", "Mend it.")
    for other in (
        violation("b", "Two.", "Mend it.", level="advisory"),
        violation("b", "Two.", "Mend it.", source="project:///a.py#1"),
        violation("b", "Two.", "Mend it.", urn=URN + "2"),
        violation("b", "Two.", "Mend that."),
    ):
        for order in ((same, other), (other, same)):
            printed = report(*order)
            assert "(high):" not in printed
            assert "Title of a.\n    One." in printed
            assert "Title of b.\n    Two." in printed
    bare = [Violation("house", "house", "mandatory", "", URN, text) for text in ("no doors", "no windows")]
    printed = report(*bare)
    assert "    no doors\n" in printed
    assert "    no windows\n" in printed
    assert printed.count("mandatory  house") == 2


def test_a_role_that_passes_every_role_is_told_once() -> None:
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    resource = Resource("aws:iam/rolePolicy:RolePolicy", URN, "worker", {"role": "worker", "policy": text})
    found = [
        violation(rule.id, finding.message, finding.remedy or rule.remedy)
        for rule in RULES
        if rule.scope is Scope.RESOURCE and resource.type in rule.types
        for finding in rule.findings(resource, Judgement("shop", "prod", with_defaults({}, rule.config)))
    ]
    assert len(found) == 3
    printed = report(*found)
    assert printed.count("To fix:") == printed.count("mandatory  ") == 1
    assert "    unscoped-pass-role (high): " in printed
    assert "    permissions-management (high): " in printed
