"""Properties that hold for every document, whatever it contains."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.least_privilege import RULES
from policies.least_privilege.faults.documents import VALIDITY, document_faults
from policies.least_privilege.faults.fault import RuleId
from policies.least_privilege.language.documents import Kind
from policies.rulebook import UNKNOWN, Judgement, Resource, Scope, Unjudgeable
from policies.rulebook.configuration import with_defaults
from tests.policies.analyzer import Json, StartPack, secret

ACCOUNT: Final = "123456789012"

# --- no document makes the pack raise or stay silent ------------------------------------------------------------------

ELEMENTS: Final = tuple(
    """
    Version Id Statement Sid Effect Action NotAction Resource NotResource Principal NotPrincipal Condition AWS
    Service Federated StringLike StringEquals Null IpAddress ForAllValues:StringLike aws:SourceAccount aws:SourceIp
    s3:prefix aws:ResourceTag/ statement
    """.split()
)
WORDS: Final = (
    "\0",
    "\ud800",
    "é",
    *"""
    Allow Deny allow * ** ? *:* s3:* s3:Get* iam:PassRole : s3: :GetObject arn:aws:s3:::* arn:aws:s3:::b/* arn:
    :::::: arn:aws::::: ${aws:username} ${ ${*} $ 2012-10-17 2008-10-17 sts:AssumeRole ec2.amazonaws.com 0.0.0.0/0
    true arn:aws:iam::123456789012:root arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-??????
    """.split(),
)
LEAVES: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS)
)
KEYS: Final = st.one_of(st.sampled_from(ELEMENTS), st.text(max_size=5))
VALUES: Final = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=6)),
    max_leaves=25,
)


@given(VALUES, st.sampled_from(Kind))
def test_a_value_that_is_not_a_document_is_reported(value: Json, kind: Kind) -> None:
    assert document_faults(json.dumps(value), kind)


@given(st.dictionaries(KEYS, VALUES, max_size=8), st.sampled_from(Kind))
def test_no_statement_raises(statement: Json, kind: Kind) -> None:
    found = document_faults(json.dumps({"Version": "2012-10-17", "Statement": statement}), kind)
    assert found or {"Effect", "Action", "NotAction"} & statement.keys()


@given(st.text(), st.sampled_from(Kind))
def test_no_text_raises(text: str, kind: Kind) -> None:
    assert document_faults(text, kind)


HUGE: Final = {
    "deep lists": "[" * 100_000,
    "deep objects": '{"a":' * 100_000,
    "deep and whole": "[" * 5000 + "]" * 5000,
    "long number": "9" * 10_000,
    "long text": json.dumps({"Version": "2012-10-17", "Statement": [], "Id": "x" * 1_000_000}),
    "long action": json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:" + "*a" * 50_000, "Resource": "*"}}
    ),
    "many statements": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}] * 2500}
    ),
    "not a number": '{"Version": "2012-10-17", "Statement": NaN}',
    "key twice": '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": '
    '"arn:aws:sqs:eu-west-1:123456789012:a", "Resource": "arn:aws:sqs:eu-west-1:123456789012:b"}}',
    "byte order mark": "\ufeff{}",
}


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("kind", Kind)
def test_huge_and_odd_documents_are_reported(name: str, kind: Kind) -> None:
    assert document_faults(HUGE[name], kind)


@pytest.mark.parametrize("name", HUGE)
def test_the_pack_reports_huge_and_odd_documents_briefly(pack: StartPack, name: str) -> None:
    judge = pack("least_privilege")
    for value in (HUGE[name], secret(HUGE[name])):
        found = judge.resource("aws:iam/rolePolicy:RolePolicy", {"policy": value})
        assert found
        assert all("The rule failed" not in violation.message for violation in found)
        assert all(len(violation.message) < 2000 for violation in found)


# --- widening a policy never removes its violations -------------------------------------------------------------------

ACTIONS: Final = tuple(
    """
    s3:GetObject s3:ListBucket s3:PutBucketPolicy s3:Put* s3:Get* s3:* * ec2:Describe* ec2:DescribeFleetHistory
    ec2:RunInstances ec2:CreateNetworkInterface ec2:TerminateInstances iam:PassRole iam:PutRolePolicy
    iam:AttachRolePolicy iam:UpdateAssumeRolePolicy sts:AssumeRole lambda:CreateFunction lambda:InvokeFunction
    lambda:UpdateFunctionCode iam:CreateAccessKey secretsmanager:GetSecretValue secretsmanager:DescribeSecret
    kms:Decrypt kms:CreateGrant logs:PutLogEvents logs:Describe* glue:GetTable glue:GetPartitions
    ecs:DescribeClusters cloudfront:UpdateResponseHeadersPolicy sqs:Send* xray:Get* pricing:GetProducts pricing:*
    cloudwatch:PutMetricData ecr:GetAuthorizationToken iam:CreateVirtualMFADevice acm:GetCertificate
    """.split()
)
RESOURCES: Final = tuple(
    f"""
    * arn:aws:s3:::b arn:aws:s3:::b/* arn:aws:s3:::* arn:aws:s3:::?* arn:*:*:*:*:* arn:aws:iam::{ACCOUNT}:role/app
    arn:aws:iam::{ACCOUNT}:role/* arn:aws:iam::*:role/* arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f
    arn:aws:lambda:eu-west-1:{ACCOUNT}:function:* arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:x-??????
    arn:aws:secretsmanager:*:*:secret:x* arn:aws:kms:eu-west-1:{ACCOUNT}:key/* arn:aws:kms:eu-west-1:{ACCOUNT}:key/k
    arn:aws:logs:*:*:* arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/* arn:aws:ec2:eu-west-1:{ACCOUNT}:subnet/s
    arn:aws:ec2:eu-west-1:{ACCOUNT}:network-interface/* arn:aws:ec2:eu-west-1:{ACCOUNT}:*/*
    arn:aws:iam::{ACCOUNT}:user/${{aws:username}} arn:aws:iam::{ACCOUNT}:user/* arn:aws:ec2:*::image/*
    arn:aws:glue:eu-west-1:{ACCOUNT}:catalog arn:aws:glue:eu-west-1:{ACCOUNT}:database/*
    arn:aws:glue:eu-west-1:{ACCOUNT}:table/* arn:aws:cloudfront::{ACCOUNT}:response-headers-policy/*
    arn:aws:iam::{ACCOUNT}:mfa/* arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/* arn:aws:acm:*:*:certificate/*
    """.split()
)
CONDITIONS: Final[tuple[Json, ...]] = (
    {"StringEquals": {"aws:ResourceTag/a": "b"}},
    {"StringLike": {"aws:ResourceTag/a": "*"}},
    {"StringEqualsIfExists": {"aws:ResourceTag/a": "b"}},
    {"StringNotEquals": {"aws:ResourceTag/a": "b"}},
    {"ForAllValues:StringEquals": {"aws:ResourceTag/a": "b"}, "Null": {"aws:ResourceTag/a": "false"}},
    {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    {"StringEquals": {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/b"}},
    {"Bool": {"aws:SecureTransport": "true"}},
)


def texts(of: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), min_size=1, max_size=3)


@st.composite
def statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow", "Allow", "Allow", "Deny")) -> dict[str, Json]:
    negate = draw(st.integers(0, 11))
    statement = {
        "Effect": draw(st.sampled_from(effects)),
        "NotAction" if negate == 10 else "Action": draw(texts(ACTIONS)),
        "NotResource" if negate == 11 else "Resource": draw(texts(RESOURCES)),
    }
    if draw(st.booleans()):
        statement["Condition"] = draw(st.sampled_from(CONDITIONS))
    return statement


@st.composite
def widened(draw: st.DrawFn) -> tuple[Json, Json]:
    """Draw statements, and the same after a step that never allows less."""
    narrow = draw(st.lists(statements(), min_size=1, max_size=3))
    wide = copy.deepcopy(narrow)
    at = draw(st.integers(0, len(wide) - 1))
    statement = wide[at]
    step = draw(st.sampled_from(("action", "wildcard", "service", "resource", "star", "condition", "statement")))
    if step == "statement":
        wide.append(draw(statements(("Allow",))))
    elif statement["Effect"] == "Deny":
        del wide[at]
    elif step == "condition":
        statement.pop("Condition", None)
    elif step == "resource" and "Resource" in statement:
        statement["Resource"].append(draw(st.sampled_from(RESOURCES)))
    elif step == "star" and "Resource" in statement:
        statement["Resource"][0] = "*"
    elif step == "action" and "Action" in statement:
        statement["Action"].append(draw(st.sampled_from(ACTIONS)))
    elif step in ("wildcard", "service") and "Action" in statement:
        service, _, name = statement["Action"][0].partition(":")
        kept = draw(st.integers(0, len(name))) if step == "wildcard" else 0
        statement["Action"][0] = f"{service}:{name[:kept]}*"
    return narrow, wide


def broken(statements: Json) -> set[RuleId]:
    """Return the rules that the statements break, except those about ineffective conditions: a statement without such a
    condition allows just as much, but breaks no rule about conditions."""
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return {fault.rule for fault in document_faults(text, Kind.IDENTITY)} - VALIDITY - {"ineffective-condition"}


@given(widened())
def test_widening_never_turns_a_violation_into_a_pass(pair: tuple[Json, Json]) -> None:
    narrow, wide = pair
    assert not broken(narrow) or broken(wide)


PRINCIPALS: Final[tuple[Json, ...]] = (
    {"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"},
    {"AWS": "arn:aws:iam::444455556666:root"},
    {"Service": "lambda.amazonaws.com"},
    {"Service": "sns.amazonaws.com"},
    {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
)
BOUNDS: Final[tuple[Json, ...]] = (
    {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    {"StringEquals": {"sts:ExternalId": "9f3c2b71"}},
    {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
    {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {
        "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
        "StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/site:*"},
    },
)
TRUSTED: Final = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:*", "*")
SHARED: Final = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:*", "sqs:Send*", "*")


@st.composite
def entrusted(draw: st.DrawFn, kind: Kind) -> Json:
    actions = TRUSTED if kind is Kind.TRUST else SHARED
    statement: Json = {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Deny"))),
        "Principal": draw(st.sampled_from(PRINCIPALS)),
        "Action": draw(st.lists(st.sampled_from(actions), min_size=1, max_size=2)),
    }
    if kind is Kind.RESOURCE:
        statement["Resource"] = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:mail"
    if draw(st.booleans()):
        statement["Condition"] = draw(st.sampled_from(BOUNDS))
    return statement


@st.composite
def opened(draw: st.DrawFn, kind: Kind) -> tuple[Json, Json]:
    """Draw statements, and the same after a step that never lets in fewer principals."""
    narrow = draw(st.lists(entrusted(kind), min_size=1, max_size=3))
    wide = copy.deepcopy(narrow)
    statement = wide[draw(st.integers(0, len(wide) - 1))]
    step = draw(st.sampled_from(("statement", "everybody", "condition", "action", "denial")))
    if step == "statement":
        wide.append(draw(entrusted(kind)) | {"Effect": "Allow"})
    elif statement["Effect"] == "Deny":
        wide.remove(statement)
    elif step == "everybody":
        # Without the condition: everybody within an organization could be fewer than a service, which belongs to none.
        statement["Principal"] = "*"
        statement.pop("Condition", None)
    elif step == "condition":
        statement.pop("Condition", None)
    elif step == "action":
        statement["Action"][0] = "*"
    return narrow, wide


def let_in(statements: Json, kind: Kind) -> set[RuleId]:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    service = "sqs" if kind is Kind.RESOURCE else ""
    return {fault.rule for fault in document_faults(text, kind, service)} - VALIDITY - {"ineffective-condition"}


@pytest.mark.parametrize("kind", [Kind.TRUST, Kind.RESOURCE])
@given(data=st.data())
def test_letting_in_more_never_turns_a_violation_into_a_pass(kind: Kind, data: st.DataObject) -> None:
    narrow, wide = data.draw(opened(kind))
    assert not let_in(narrow, kind) or not wide or let_in(wide, kind)


@pytest.mark.parametrize("kind", [Kind.TRUST, Kind.RESOURCE])
@given(data=st.data(), random=st.randoms())
def test_order_never_changes_who_is_let_in(kind: Kind, data: st.DataObject, random: Json) -> None:
    drawn = data.draw(st.lists(entrusted(kind), min_size=1, max_size=4))
    shuffled = copy.deepcopy(drawn)
    random.shuffle(shuffled)
    for statement in shuffled:
        random.shuffle(statement["Action"])
        if random.random() < 0.5:
            statement["Action"] = [*statement["Action"], statement["Action"][0]]
    assert let_in(drawn, kind) == let_in(shuffled, kind)


# --- no resource makes a rule fail ------------------------------------------------------------------------------------

ODD: Final = st.recursive(
    st.one_of(LEAVES, st.just(UNKNOWN)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=3)),
    max_leaves=8,
)
PATHS: Final = {
    "aws:iam/role:Role": ("name", "assumeRolePolicy", "permissionsBoundary", "managedPolicyArns", "inlinePolicies"),
    "aws:iam/rolePolicy:RolePolicy": ("role", "name", "policy"),
    "aws:iam/policy:Policy": ("name", "path", "policy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("role", "policyArn"),
    "aws:iam/policyAttachment:PolicyAttachment": ("roles", "policyArn"),
    "aws:lambda/permission:Permission": ("principal", "action", "sourceArn", "sourceAccount"),
    "aws:secretsmanager/secret:Secret": ("name", "policy"),
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("secretArn", "policy"),
    "aws:ssm/parameter:Parameter": ("name",),
}


@st.composite
def odd_resources(draw: st.DrawFn) -> list[Resource]:
    resources = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(PATHS)))
        good = st.sampled_from(("app", "arn:aws:iam::aws:policy/ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/app"))
        properties = {path: draw(st.one_of(ODD, good)) for path in PATHS[kind] if draw(st.booleans())}
        resources.append(Resource(kind, f"urn:{number}", str(number), properties))
    return resources


@given(odd_resources(), st.one_of(ODD, st.just({f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a": ["app"]})))
def test_no_resource_makes_a_rule_fail(resources: list[Resource], readers: Json) -> None:
    for rule in RULES:
        config = with_defaults({"readers": readers} if "readers" in rule.config else {}, rule.config)
        judgement = Judgement("p", "prod", config)
        mine = [resource for resource in resources if resource.type in rule.types]
        for judged in [mine] if rule.scope is Scope.STACK else mine:
            with contextlib.suppress(Unjudgeable):  # the frame turns it into a violation
                list(rule.check(judged, judgement))


# --- order and formatting never matter --------------------------------------------------------------------------------


def found(content: Json, **formatting: Json) -> set[tuple[str, str]]:
    return {(fault.rule, fault.message) for fault in document_faults(json.dumps(content, **formatting), Kind.IDENTITY)}


@given(st.lists(statements(), min_size=1, max_size=4), st.randoms())
def test_order_and_formatting_never_matter(drawn: Json, random: Json) -> None:
    # Without a Sid, messages number the statements, and order may change the numbers only.
    named = [{"Sid": f"S{index}", **statement} for index, statement in enumerate(drawn)]
    content = {"Version": "2012-10-17", "Statement": named}
    assert found(content, indent=4) == found(content, separators=(",", ":")) == found(content, sort_keys=True)
    shuffled = copy.deepcopy(named)
    random.shuffle(shuffled)
    for statement in shuffled:
        for element in statement.values():
            if isinstance(element, list):
                random.shuffle(element)
    assert broken(named) == broken(shuffled)
    single = [
        {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in statement.items()}
        for statement in named
    ]
    assert found(content) == found({"Statement": single, "Version": "2012-10-17"})
