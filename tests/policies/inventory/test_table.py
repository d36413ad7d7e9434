"""The table of types compared with the SDKs and the rules: nothing in it is invented, and nothing is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from policies import entry_points, inventory, least_privilege, naming, workloads
from policies.inventory.agreement.sdk_types import sdk_types
from policies.inventory.table import VERBS, Known, table
from policies.rulebook import Judgement, Resource, Rule
from policies.rulebook.judging import Judge
from tests.policies.analyzer import StartPack
from tests.policies.inventory import sdk

RULES: Final[dict[str, Rule]] = {
    rule.id: rule for pack in (inventory, naming, entry_points, least_privilege, workloads) for rule in pack.RULES
}
ROOT: Final = "pulumi:pulumi:Stack"
SDK_TYPES: Final = [known for type_, known in sorted(table().items()) if type_ != ROOT]
SHARED: Final = ("region", "tags.**", "namePrefix", "timeouts.**")
"""Lines that apply to every type of a package, whether or not it has the property."""
ENGINE: Final = ("version",)
"""Inputs of a provider that the engine adds."""

TELLING: Final = re.compile(
    r"(polic(y|ies)|document|roles?|principals?|cidr\w*|addresses|public\w*|acl|grants|accounts?|arns?|url|endpoints?|"
    r"secret\w*|token|password|identit(y|ies))$",
    re.IGNORECASE,
)
"""Names of properties that carry documents, principals, roles, addresses, credentials or public access."""
HARMLESS: Final = {
    # The addresses matter only in a web ACL, which refuses requests that no rule matches.
    ("aws:wafv2/ipSet:IpSet", "addresses"),
    # This header tells a site which page a visitor comes from.
    (
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        "securityHeadersConfig.referrerPolicy.referrerPolicy",
    ),
}


def bare(path: str) -> str:
    return path.removesuffix(".**").removesuffix("**")


@pytest.mark.parametrize("known", SDK_TYPES, ids=lambda known: known.type)
def test_every_property_of_the_sdk_has_a_verdict_and_every_line_a_property(known: Known) -> None:
    inputs = sdk.inputs(known.type)
    assert [path for path in inputs if not (known.judge(bare(path)) or known.judge(path))] == []
    assert [
        path
        for path in known.properties
        if path not in SHARED + ENGINE
        and not any(bare(path) == bare(other) or bare(other).startswith(bare(path)) for other in inputs)
    ] == []


@pytest.mark.parametrize("known", SDK_TYPES, ids=lambda known: known.type)
def test_properties_about_access_are_judged_or_refused(known: Known) -> None:
    telling = [path for path in sdk.inputs(known.type) if TELLING.search(bare(path).rpartition(".")[2])]
    free = [
        path for path in telling if (verdict := known.judge(bare(path)) or known.judge(path)) and verdict.verb == "free"
    ]
    assert [path for path in free if (known.type, path) not in HARMLESS] == []


def lines(known: Known) -> Iterator[tuple[str, str, str]]:
    inputs = {bare(path) for path in sdk.inputs(known.type)} if known.type != ROOT else set()
    for path, verdict in {**known.properties, "*": known.verdict}.items():
        if path not in SHARED or bare(path) in inputs:
            for word in verdict.words if verdict.verb in ("by", "secret", "made") else ():
                yield path, verdict.verb, word


@pytest.mark.parametrize("known", table().values(), ids=lambda known: known.type)
def test_named_rules_judge_the_type(known: Known) -> None:
    assert [
        (path, word)
        for path, verb, word in lines(known)
        if (":" in word and word not in table() and not word.startswith("aws:ec2/"))
        or (":" not in word and word != "or" and word not in RULES)
        or (verb != "made" and RULES[word].types and known.type not in RULES[word].types)
    ] == []
    assert {verdict.verb for verdict in known.properties.values()} <= set(VERBS)
    assert all(verdict.text for verdict in known.properties.values() if verdict.verb != "no")


def test_only_listed_types_with_rules_pass() -> None:
    """No type passes by accident: a type that no rule judges is refused even if it's listed."""
    judge = Judge(RULES["unjudged-type"], {"types": list(sdk_types())})
    about = Judgement("workshop", "prod", {})
    passed = {type_ for type_ in sdk_types() if not [*judge.violations(Resource(type_, "urn", "it", {}), about)]}
    assert passed == {type_ for type_ in table() if not type_.startswith("pulumi:")}
    assert len(sdk_types()) > 2000


def test_every_type_is_refused_until_it_is_listed(pack: StartPack) -> None:
    judge = pack("inventory")
    for type_ in table():
        refused = {v.rule for v in judge.resource(type_, {})} & {"unjudged-type"}
        assert bool(refused) != type_.startswith("pulumi:"), type_
