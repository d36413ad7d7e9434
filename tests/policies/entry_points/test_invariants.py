"""Properties that hold for every resource, whatever its inputs are."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from policies.entry_points import RULES
from policies.rulebook import (
    UNKNOWN,
    Json,
    Judgement,
    Resource,
    Rule,
    Scope,
    SecretText,
    Stack,
    Unjudgeable,
    configuration,
)
from policies.rulebook.properties import read
from policies.rulebook.violation import Violation
from tests.policies.entry_points.test_entry_points import TABLES
from tests.policies.tables import planned as as_planned

PACK: Final = Path(__file__).resolve().parents[3] / "policies" / "entry_points"
TYPES: Final = sorted({type_ for rule in RULES for type_ in rule.types} | {"aws:lb/listenerRule:ListenerRule", "a:b:C"})
WORDS: Final = (
    *(
        "authenticate-oidc",
        "forward",
        "fixed-response",
        "jwt-validation",
        "403",
        "HTTPS",
        "https-only",
        "X-Origin-Verify",
    ),
    *("https://a.kinde.com", "https://a.kinde.com/", "*", "/*", "ingress", "egress", "tcp", "-1", "0.0.0.0/0", "::/0"),
    *("10.0.0.0/8", "pl-1", "strict", "ssl", "set_cache_settings", "SecureString", "a.b.c", "_x", "\0", "é", "1" * 64),
    *("http_request_cache_settings", 'http.host eq "a.b"', "us-east-1", "application", "allow", "openid", "true"),
)
KEYS: Final = (
    *("actions", "conditions", "type", "order", "authenticateOidc", "issuer", "hostHeader", "httpHeader", "values"),
    *("httpHeaderName", "pathPattern", "defaultActions", "fixedResponse", "statusCode", "origins", "customHeaders"),
    *("name", "value", "customOriginConfig", "defaultCacheBehavior", "orderedCacheBehaviors", "viewerCertificate"),
    *(
        "aliases",
        "ingress",
        "egress",
        "cidrBlocks",
        "cidrIpv4",
        "cidrIpv6",
        "fromPort",
        "toPort",
        "ipProtocol",
        "rules",
    ),
    *("protocol", "prefixListIds", "prefixListId", "proxied", "ttl", "content", "settingId", "phase", "expression"),
    *(
        "internal",
        "securityGroups",
        "accessLogs",
        "enabled",
        "port",
        "sslPolicy",
        "domainName",
        "recordFields",
        "region",
    ),
)
LEAVES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.just(UNKNOWN),
    st.text(max_size=6),
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(SecretText),
)
VALUES: Final = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=3)), below, max_size=5),
    ),
    max_leaves=20,
)


def judgement(rule: Rule) -> Judgement:
    return Judgement("project", "prod", configuration.with_defaults({}, rule.config))


def found(rule: Rule, judged: Resource | Stack) -> list[str]:
    """Return a rule's findings; any exception but `Unjudgeable` is a bug of the rule."""
    try:
        return [Violation(rule, finding).message for finding in rule.check(judged, judgement(rule))]
    except Unjudgeable as unjudgeable:
        return [str(unjudgeable)]


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_no_properties_make_a_rule_raise(type_: str, properties: dict[str, Json]) -> None:
    resource = Resource(type_, "urn:pulumi:prod::project::t::it", "it", properties)
    for rule in RULES:
        if rule.scope is Scope.STACK:
            found(rule, Stack([resource, *GOOD]))
        elif not rule.types or type_ in rule.types:
            found(rule, resource)


# --- every wrong value is reported ---


def _resources(stack: dict[str, dict[str, Any]]) -> list[Resource]:
    return [
        Resource(
            item.type,
            item.urn("prod"),
            item.name,
            _known(item.properties),
            secret_outputs=frozenset(item.secret_outputs),
            references={key: frozenset(urns) for key, urns in item.references.items()},
        )
        for item in as_planned(stack)
    ]


def _known(value: Mapping[str, Any]) -> dict[str, Json]:
    """Return properties as the frame passes them to a rule."""
    sent = struct_pb2.Struct()
    sent.update(value)
    return read(sent)


GOOD: Final = _resources(TABLES.stack)


def said(resources: list[Resource]) -> list[str]:
    messages: list[str] = []
    for rule in RULES:
        if rule.scope is Scope.STACK:
            messages += found(rule, Stack(resources))
        else:
            for resource in resources:
                messages += found(rule, resource) if not rule.types or resource.type in rule.types else []
    return messages


def leaves(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value that contains no other values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


NOT_JUDGED: Final = frozenset(
    {
        # Values that other packs judge, or that can't weaken the way in.
        *(
            "record.type",
            "record.zoneId",
            "record.content",
            "origin-record.content",
            "validation-record.content",
            "validation-record.ttl",
        ),
        *(
            "origin-record.type",
            "origin-record.ttl",
            "validation-record.type",
            "zone-setting.zoneId",
            "cache-rules.kind",
            "cache-rules.zoneId",
            "cache-rules.rules.0.expression",
            "cache-rules.rules.0.enabled",
        ),
        *("validation-record.zoneId", "origin-record.zoneId", "viewer-validation.region", "headers.name", "group.name"),
        *("group.vpcId", "log-source.logType", "balancer.name", "target.name", "target.protocol", "rule.priority"),
        *("other-rule.priority", "distribution.enabled", "distribution.origins.0.originId", "log-source.resourceArn"),
        *("distribution.origins.0.customOriginConfig.httpPort", "distribution.origins.0.customOriginConfig.httpsPort"),
        *("distribution.viewerCertificate.sslSupportMethod", "distribution.viewerCertificate.acmCertificateArn"),
        *("distribution.defaultCacheBehavior.targetOriginId", "distribution.orderedCacheBehaviors.0.targetOriginId"),
        *("listener.defaultActions.0.fixedResponse.contentType", "listener.loadBalancerArn", "listener.certificateArn"),
        *("rule.listenerArn", "other-rule.listenerArn", "rule.actions.1.targetGroupArn", "ingress.securityGroupId"),
        *(
            "other-rule.actions.0.targetGroupArn",
            "egress-to-target.securityGroupId",
            "viewer-validation.certificateArn",
        ),
        *("egress-to-identity-provider.securityGroupId", "origin-validation.certificateArn"),
        *(
            "balancer.securityGroups.0",
            "balancer.internal",
            "validation-record.name",
        ),
        # The naming pack judges this.
        "secret.name",
        # Any other group, of the stack or not, is equally safe.
        "egress-to-target.referencedSecurityGroupId",
    }
)


MAY_BE_UNKNOWN: Final = frozenset(
    {
        *(
            f"distribution.{name}.responseHeadersPolicyId"
            for name in ("defaultCacheBehavior", "orderedCacheBehaviors.0")
        ),
        *("rule.actions.0.authenticateOidc.clientSecret", "other-rule.actions.1.authenticateOidc.clientSecret"),
        "parameter.value",
    }
)
PATHS: Final = {
    ".".join(map(str, path)).removesuffix(".SECRET"): path
    for path in leaves({name: entry["properties"] for name, entry in TABLES.stack.items()})
}


@pytest.mark.parametrize("label", PATHS)
def test_every_lost_value_of_the_stack_is_reported(label: str) -> None:
    """Replacing a value of a good stack by an unknown or a mapping is reported, except for the listed values."""
    name, *steps = (step for step in PATHS[label] if step != "SECRET")
    spoken = []
    for value in ("UNKNOWN", {"x": "y"}):
        stack = copy.deepcopy(TABLES.stack)
        at: Any = stack[str(name)]["properties"]
        for step in steps[:-1]:
            at = at[step]
        at[steps[-1]] = value
        spoken.append(bool(said(_resources(stack))))
    if label in NOT_JUDGED:
        assert not all(spoken), "the value is judged: remove it from the list"
    else:
        assert spoken == [label not in MAY_BE_UNKNOWN, True]


def test_the_lists_name_existing_values() -> None:
    assert set(PATHS) >= NOT_JUDGED | MAY_BE_UNKNOWN


def test_the_unchanged_stack_passes_every_rule() -> None:
    assert said(GOOD) == []
