"""Anything that isn't agreed is reported with the line to add; unknown and malformed values count as not agreed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import pytest

from tests.owner import FILES
from tests.policies.analyzer import (
    OWN_SECRET,
    UNKNOWN,
    Json,
    Judge,
    Planned,
    StartPack,
    Violation,
    secret,
)

ACCOUNT: Final = "111122223333"
OTHER: Final = "444455556666"
PROVIDER: Final = {"region": "eu-west-1", "allowedAccountIds": f'["{ACCOUNT}"]'}
SUBJECT: Final = "org/o/project/p/user/*/vcs-origin/github.com/a/b/"

RULE: Final = "aws:lb/listenerRule:ListenerRule"
GROUP: Final = "aws:lb/targetGroup:TargetGroup"
RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
BUCKET: Final = "aws:s3/bucket:Bucket"
ROLE: Final = "aws:iam/role:Role"
OIDC: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CERTIFICATE: Final = "aws:acm/certificate:Certificate"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
DATABASE: Final = "aws:rds/cluster:Cluster"
QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
STAND_IN: Final = secret("known when it is applied")

CONFIG: Final[Mapping[str, Mapping[str, Json]]] = {
    "unjudged-type": {"types": [BUCKET, RULE, GROUP, RECORD, BALANCER], "components": ["house"]},
    "unagreed-number": {"most": {BALANCER: 1}},
    "pinned-account": {"account": ACCOUNT, "regions": ["eu-west-1"], "organizations": ["o-1234567890"]},
    "pinned-identity-provider": {"issuer": "https://id.example.com", "client_id": "me", "hosts": ["id.example.com"]},
    "pinned-ci": {
        "issuers": {
            "ci.example.com/org/o": {"audience": "o", "subjects": [SUBJECT]},
            "broken.example.com": "o",
        }
    },
    "pinned-network": {"ids": ["sg-11111111", "pl-11111111"], "addresses": ["0.0.0.0/0"]},
    "pinned-record": {
        "zone": "z",
        "records": {"a.example.com": "CNAME *.cloudfront.net", "b.example.com": "A 192.0.2.1"},
    },
    "pinned-target": {"targets": {"prod-a": 80}},
    "foreign-reference": {"agreed": ["arn:of:mine"]},
}


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("inventory", config=CONFIG)


def messages_of(found: list[Violation], rule: str) -> list[str]:
    return [violation.message for violation in found if violation.rule == rule]


def sign_in(**changes: Json) -> dict[str, Json]:
    given = {
        "issuer": "https://id.example.com",
        "authorizationEndpoint": "https://id.example.com/auth",
        "tokenEndpoint": "https://id.example.com/token",
        "userInfoEndpoint": "https://id.example.com/user",
        "clientId": "me",
    }
    return {"actions": [{"type": "authenticate-oidc", "authenticateOidc": {**given, **changes}}]}


def trust(issuer: str = "ci.example.com/org/o", **conditions: Json) -> dict[str, Json]:
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    equals = {f"{issuer}:{key}": value for key, value in conditions.items()}
    statement = {"Effect": "Allow", "Principal": principal, "Condition": {"StringLike": equals}}
    return {"assumeRolePolicy": json.dumps({"Statement": [statement]})}


def header(value: Json) -> dict[str, Json]:
    return {"conditions": [{"httpHeader": {"values": [value]}}]}


PLAIN: Final = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "arn:aws:sqs:::q"}
NO_TLS: Final = {"Bool": {"aws:SecureTransport": "false"}}
SEND: Final = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:::q"}


def policy(*statements: Mapping[str, Json]) -> dict[str, Json]:
    return {"policy": json.dumps({"Statement": statements})}


def record(name: Json, type_: Json, content: Json, zone: Json = "z") -> dict[str, Json]:
    return {"zoneId": zone, "name": name, "type": type_, "content": content, "ttl": 1}


AGREED: Final[list[tuple[str, str, dict[str, Json]]]] = [
    ("unjudged-type", BUCKET, {}),
    ("unjudged-type", "house:iam:Guarded", {}),
    ("unjudged-type", "pulumi:pulumi:Stack", {}),
    ("unjudged-property", BUCKET, {"bucket": "prod-a", "tags": {"any": "thing"}, "forceDestroy": False}),
    ("pinned-identity-provider", RULE, sign_in()),
    ("pinned-ci", OIDC, {"url": "https://ci.example.com/org/o", "clientIdLists": ["o"]}),
    ("pinned-ci", ROLE, trust(aud="o", sub=SUBJECT + "vcs-ref/refs/heads/main")),
    ("pinned-account", BUCKET, {"bucket": f"arn:aws:iam::{ACCOUNT}:role/a arn:aws:s3:::b arn:aws:iam::aws:policy/c"}),
    ("pinned-account", BUCKET, {"region": "eu-west-1", "policy": '{"aws:PrincipalOrgID": "o-1234567890"}'}),
    ("pinned-record", RECORD, record("a.example.com", "CNAME", "d1.cloudfront.net")),
    ("pinned-record", RECORD, record("a.example.com", "CNAME", UNKNOWN)),
    ("pinned-record", RECORD, record("b.example.com", "A", "192.0.2.1")),
    ("pinned-record", RECORD, record(UNKNOWN, "CNAME", UNKNOWN)),
    (
        "pinned-record",
        RECORD,
        record(f"_{'0a' * 16}.a.example.com", "CNAME", f"_{'0b' * 16}.abcdefghij.acm-validations.aws."),
    ),
    ("pinned-record", CERTIFICATE, {"domainName": "A.example.com", "subjectAlternativeNames": ["b.example.com"]}),
    ("pinned-target", GROUP, {"name": "prod-a", "port": 80}),
    ("guessable-secret", RULE, header(secret(sha256(b"").hexdigest()))),
    ("guessable-secret", RULE, header(secret("Basic *"))),
    ("literal-secret", RULE, header(secret(OWN_SECRET))),
    ("literal-secret", RULE, header(secret("Basic *"))),
    ("literal-secret", RULE, sign_in(clientSecret=STAND_IN)),
    ("literal-secret", DATABASE, {"masterPasswordWo": STAND_IN}),
    ("literal-secret", PARAMETER, {"value": UNKNOWN, "insecureValue": "open"}),
    ("queue-without-tls", QUEUE_POLICY, policy(SEND, PLAIN | {"Condition": NO_TLS})),
]

REFUSED: Final[list[tuple[str, str, dict[str, Json], str]]] = [
    ("unjudged-type", ROLE, {}, f'Line to add to `types`: "{ROLE}"'),
    ("unjudged-type", "aws:cloudcontrol/resource:Resource", {}, "only a waiver lets it pass"),
    ("unjudged-type", "pulumi:pulumi:StackReference", {}, "only a waiver lets it pass"),
    ("unjudged-property", BUCKET, {"acl": "public-read"}, "`acl` isn't agreed; accepted: private"),
    ("unjudged-property", BUCKET, {"acl": UNKNOWN}, "`acl` isn't agreed; accepted: private"),
    ("unjudged-property", BUCKET, {"grants": [{"uri": "all"}]}, "`grants.0.uri` isn't agreed"),
    ("unjudged-property", BUCKET, {"brandNew": 1}, f"Line to add under `[{BUCKET}]`: `brandNew free REASON`"),
    ("unjudged-property", RULE, {"actions": UNKNOWN}, "`actions` isn't known at preview"),
    ("unjudged-property", RULE, {"actions": [{"fixedResponse": {"contentType": "text/html"}}]}, "accepted: text/plain"),
    ("pinned-identity-provider", RULE, sign_in(issuer="https://id.example.com/"), "issuer` isn't the pinned value"),
    ("pinned-identity-provider", RULE, sign_in(clientId=UNKNOWN), "clientId` isn't the pinned value"),
    ("pinned-identity-provider", RULE, sign_in(tokenEndpoint="https://id.example.com@x.org/"), "tokenEndpoint`"),
    ("pinned-identity-provider", RULE, sign_in(tokenEndpoint="http://id.example.com/"), "tokenEndpoint`"),
    ("pinned-identity-provider", RULE, sign_in(userInfoEndpoint="https://id.example.com:8443/"), "userInfoEndpoint`"),
    ("pinned-ci", OIDC, {"url": "https://ci.example.com/org/x"}, "isn't a pinned token issuer"),
    ("pinned-ci", OIDC, {"url": UNKNOWN}, "isn't a pinned token issuer"),
    ("pinned-ci", OIDC, {"url": "https://broken.example.com"}, "isn't a pinned token issuer"),
    ("pinned-ci", OIDC, {"url": "https://ci.example.com/org/o", "clientIdLists": ["x"]}, "isn't the pinned audience"),
    ("pinned-ci", ROLE, trust("other.example.com", sub=SUBJECT), "a token issuer that isn't pinned"),
    ("pinned-ci", ROLE, trust("broken.example.com", sub=SUBJECT), "a token issuer that isn't pinned"),
    ("pinned-ci", ROLE, trust(sub="org/o/project/*"), "a subject that isn't pinned"),
    ("pinned-ci", ROLE, trust(sub=[SUBJECT, "*"]), "a subject that isn't pinned"),
    ("pinned-ci", ROLE, trust(aud="x", sub=SUBJECT), "another audience"),
    ("pinned-ci", ROLE, trust(aud="o"), "every subject"),
    ("pinned-account", BUCKET, {"bucket": f"arn:aws:iam::{OTHER}:root"}, f"the account `{OTHER}`"),
    ("pinned-account", BUCKET, {"policy": f'{{"aws:SourceAccount": "{OTHER}"}}'}, f"the account `{OTHER}`"),
    ("pinned-account", BUCKET, {"policy": "arn:aws:iam::1111*:root"}, "the account `1111*`"),
    ("pinned-account", BUCKET, {"policy": f"arn:aws:sns:us-west-2:{ACCOUNT}:a"}, "the region `us-west-2`"),
    ("pinned-account", BUCKET, {"region": "us-west-2"}, "the region `us-west-2`"),
    ("pinned-account", BUCKET, {"policy": "o-abcdefghij"}, "the organization `o-abcdefghij`"),
    ("pinned-account", "pulumi:providers:aws", {}, "doesn't bind the provider to the stack's account"),
    ("pinned-account", "pulumi:providers:aws", PROVIDER | {"allowedAccountIds": UNKNOWN}, "doesn't bind the provider"),
    (
        "pinned-account",
        "pulumi:providers:aws",
        PROVIDER | {"allowedAccountIds": [ACCOUNT, OTHER]},
        "doesn't bind the provider",
    ),
    ("pinned-account", "pulumi:providers:aws", PROVIDER | {"region": "us-west-2"}, "`region` isn't one of"),
    ("unbound-provider", "pulumi:providers:aws", PROVIDER | {"endpoints": '[{"s3": "x"}]'}, "`endpoints` isn't agreed"),
    ("unbound-provider", "pulumi:providers:aws", PROVIDER | {"profile": "other"}, "`profile` isn't agreed"),
    ("unbound-provider", "pulumi:providers:aws", PROVIDER | {"skipCredentialsValidation": "true"}, "accepted: false"),
    ("unbound-provider", "pulumi:providers:random", {}, "No rule judges the provider `random`"),
    ("pinned-record", RECORD, record("login.example.com", "A", "192.0.2.9"), '"login.example.com": "A TARGET"'),
    ("pinned-record", RECORD, record("a.example.com", "NS", "ns.example.org"), "is pinned as CNAME"),
    ("pinned-record", RECORD, record("a.example.com", "CNAME", "cloudfront.net.example.org"), "to another target"),
    ("pinned-record", RECORD, record("b.example.com", "A", "192.0.2.2"), "to another target"),
    (
        "pinned-record",
        RECORD,
        record("_acme-challenge.a.example.com", "CNAME", "x.example.org"),
        "isn't a CNAME record",
    ),
    ("pinned-record", RECORD, record(f"_{'0a' * 16}.c.example.com", "CNAME", UNKNOWN), "isn't a CNAME record"),
    ("pinned-record", RECORD, record(UNKNOWN, "TXT", UNKNOWN), "isn't a CNAME record"),
    ("pinned-record", RECORD, record(UNKNOWN, "CNAME", "x.example.org"), "isn't a CNAME record"),
    ("pinned-record", RECORD, record("b.example.com", "A", "192.0.2.1", zone=UNKNOWN), "isn't the pinned zone"),
    ("pinned-record", CERTIFICATE, {"domainName": "*.example.com"}, "isn't the name of a pinned record"),
    ("pinned-target", GROUP, {"name": "prod-a", "port": 81}, 'Line to set in `targets`: "prod-a": 81'),
    ("pinned-target", GROUP, {"name": UNKNOWN, "port": 80}, "No target group"),
    ("guessable-secret", RULE, header(secret("a" * 64)), "can be guessed"),
    # Every text that isn't the stack's secret, whether marked as a secret or not.
    (
        "literal-secret",
        RULE,
        header(secret(sha256(b"other").hexdigest())),
        "isn't a secret of the stack's configuration",
    ),
    ("literal-secret", PARAMETER, {"value": secret("other")}, "isn't a secret of the stack's configuration"),
    ("literal-secret", PARAMETER, {"value": 1}, "isn't a secret of the stack's configuration"),
    ("literal-secret", RULE, sign_in(clientSecret=secret(OWN_SECRET)), "clientSecret` has a real value in a preview"),
    (
        "literal-secret",
        DATABASE,
        {"masterPasswordWo": secret("other")},
        "masterPasswordWo` has a real value in a preview",
    ),
    ("literal-secret", DATABASE, {"masterPasswordWo": "other"}, "masterPasswordWo` has a real value in a preview"),
    ("queue-without-tls", QUEUE_POLICY, policy(SEND), "`aws:SecureTransport` is false"),
    ("queue-without-tls", QUEUE_POLICY, policy(SEND, PLAIN), "`aws:SecureTransport` is false"),
    ("queue-without-tls", QUEUE_POLICY, policy(PLAIN | {"Condition": NO_TLS, "Action": "sqs:SendMessage"}), "is false"),
    (
        "queue-without-tls",
        QUEUE_POLICY,
        policy(SEND, PLAIN | {"Condition": NO_TLS, "Resource": "arn:aws:sqs:::other"}),
        "is false",
    ),
    ("queue-without-tls", QUEUE_POLICY, {"policy": UNKNOWN}, "is false"),
]


@pytest.mark.parametrize(("rule", "type_", "properties"), AGREED)
def test_agreed_values_pass(judge: Judge, rule: str, type_: str, properties: dict[str, Json]) -> None:
    assert messages_of(judge.resource(type_, properties, provider=provider_of(type_)), rule) == []


@pytest.mark.parametrize(("rule", "type_", "properties", "expected"), REFUSED)
def test_values_that_are_not_agreed_are_reported(
    judge: Judge, rule: str, type_: str, properties: dict[str, Json], expected: str
) -> None:
    found = judge.resource(type_, properties, provider=provider_of(type_))
    messages = messages_of(found, rule)
    assert any(expected in message for message in messages), messages
    assert {violation.level for violation in found} == {"mandatory"}


@pytest.mark.parametrize(("rule", "type_", "properties"), AGREED)
def test_pinned_values_need_configuration(pack: StartPack, rule: str, type_: str, properties: dict[str, Json]) -> None:
    found = pack("inventory").resource(type_, properties, provider=provider_of(type_))
    if rule.startswith("pinned-") or (rule == "unjudged-type" and not type_.startswith("pulumi:")):
        assert messages_of(found, rule) != []


def provider_of(type_: str) -> dict[str, Json] | None:
    return dict(PROVIDER) if type_.startswith("aws:") else None


def test_the_provider_of_each_resource_is_judged(judge: Judge) -> None:
    foreign = {"region": "eu-west-1", "allowedAccountIds": f'["{OTHER}"]', "accessKey": secret("AKIA")}
    found = judge.resource(BUCKET, {"bucket": "prod-a"}, provider=foreign)
    assert {"pinned-account", "unbound-provider"} <= {violation.rule for violation in found}
    made = judge.resource("house:iam:Guarded", {}, provider={"url": "x"})
    assert "unjudged-type" in {violation.rule for violation in made}


def test_more_resources_than_agreed_are_reported(judge: Judge) -> None:
    balancers = [Planned(BALANCER, {"name": name}, name) for name in ("one", "two")]
    (message,) = messages_of(judge.stack_of(balancers), "unagreed-number")
    assert f'"{BALANCER}": 2' in message
    assert messages_of(judge.stack_of(balancers[:1]), "unagreed-number") == []
    assert messages_of(judge.stack_of([Planned(OIDC)]), "unagreed-number") != []


@pytest.mark.parametrize(
    ("actions", "counted"),
    [
        ([{"type": "fixed-response", "fixedResponse": {"statusCode": "503", "contentType": "text/plain"}}], False),
        ([{"type": "fixed-response", "fixedResponse": {"statusCode": "200", "contentType": "text/plain"}}], True),
        ([{"type": "fixed-response", "fixedResponse": {"statusCode": "503"}}, {"type": "forward"}], True),
        ([{"type": "forward"}], True),
        ([{"type": UNKNOWN, "fixedResponse": {"statusCode": "503"}}], True),
        ([{"type": "fixed-response", "fixedResponse": {"statusCode": UNKNOWN}}], True),
        (UNKNOWN, True),
        (None, True),
    ],
)
def test_a_rule_that_only_refuses_is_no_entry_point(judge: Judge, actions: Json, counted: bool) -> None:
    found = messages_of(judge.stack_of([Planned(RULE, {"actions": actions})]), "unagreed-number")
    assert bool(found) == counted


BALANCED: Final = Planned(BALANCER, {"arn": "arn:lb", "name": "prod-a"}, "balancer")


@pytest.mark.parametrize(
    ("arn", "references", "passes"),
    [
        (UNKNOWN, {"loadBalancerArn": [BALANCED.urn("prod")]}, True),
        (UNKNOWN, {}, False),
        (UNKNOWN, {"loadBalancerArn": [Planned(BUCKET).urn("prod")]}, False),
        ("arn:lb", {}, True),
        ("arn:of:mine", {}, True),
        ("arn:other", {"loadBalancerArn": [BALANCED.urn("prod")]}, False),
    ],
)
def test_references_to_foreign_load_balancers_are_refused(
    judge: Judge, arn: str, references: dict[str, list[str]], passes: bool
) -> None:
    listener = Planned("aws:lb/listener:Listener", {"loadBalancerArn": arn}, references=references)
    assert (messages_of(judge.stack_of([BALANCED, listener]), "foreign-reference") == []) == passes


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({"prefixListId": "pl-11111111"}, True),
        ({"cidrIpv4": "0.0.0.0/0"}, True),
        ({"prefixListId": "pl-22222222"}, False),
        ({"prefixListId": UNKNOWN}, False),
        ({"cidrIpv4": "10.0.0.0/8"}, False),
        ({"cidrIpv6": UNKNOWN}, False),
        ({"description": "see vpc-12345678"}, False),
        ({"referencedSecurityGroupId": "sg-22222222"}, False),
        ({"referencedSecurityGroupId": "sg-33333333"}, True),
    ],
)
def test_only_pinned_and_own_networks_pass(judge: Judge, properties: dict[str, Json], passes: bool) -> None:
    made = Planned("aws:ec2/securityGroup:SecurityGroup", {"id": "sg-33333333"}, "made")
    assert (messages_of(judge.stack_of([made, Planned(INGRESS, properties)]), "pinned-network") == []) == passes


def test_the_prefix_list_of_an_s3_endpoint_passes(judge: Judge) -> None:
    endpoint = Planned("aws:ec2/vpcEndpoint:VpcEndpoint", {"prefixListId": "pl-22222222"})
    assert messages_of(judge.stack_of([endpoint]), "pinned-network") == []


HEADER: Final = sha256(b"header").hexdigest()
COPIES: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "a quarter": lambda value: value[11:27],
    "reversed": lambda value: value[::-1],
    "upper case": str.upper,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 behind a byte": lambda value: base64.b64encode(b"x" + value.encode()).decode(),
    "base64 behind two bytes": lambda value: base64.urlsafe_b64encode(b"xy" + value[20:50].encode()).decode(),
    "base64 of the reversed": lambda value: base64.b64encode(value[::-1].encode()).decode(),
    "hexadecimal": lambda value: value[:20].encode().hex(),
    "percent-encoded": lambda value: "".join(f"%{ord(character):02x}" for character in value),
    "in groups": lambda value: "-".join(value[at : at + 4] for at in range(0, 64, 4)),
    "within a text": lambda value: f"the secret is {value}, and that's that",
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("place", ["property", "key", "name", "export"])
def test_a_copy_of_a_secret_is_found_in_every_form(judge: Judge, copy: Callable[[str], str], place: str) -> None:
    text = copy(HEADER)
    where: Mapping[str, Planned] = {
        "property": Planned(BUCKET, {"tags": {"note": text}}, "copy"),
        "key": Planned(BUCKET, {"tags": {text: "note"}}, "copy"),
        "name": Planned(BUCKET, {}, text),
        "export": Planned("pulumi:pulumi:Stack", {"note": secret(text)}, "copy"),
    }
    found = judge.stack_of([guarded(HEADER), where[place]])
    messages = messages_of(found, "copied-secret")
    assert len(messages) == 1
    assert not any(text[at : at + 8] in messages[0] for at in range(len(text) - 8))


def guarded(value: str) -> Planned:
    return Planned(RULE, {"conditions": [{"httpHeader": {"values": [secret(value)]}}]}, "guarded")


def test_secrets_in_their_intended_places_are_not_copies(judge: Judge) -> None:
    distribution = {"origins": [{"customHeaders": [{"name": "X", "value": secret(HEADER)}]}]}
    parameter = Planned("aws:ssm/parameter:Parameter", {"value": secret(HEADER)}, "kept")
    other = Planned(BUCKET, {"tags": {"note": sha256(b"other").hexdigest()}}, "other")
    resources = [guarded(HEADER), Planned("aws:cloudfront/distribution:Distribution", distribution), parameter, other]
    assert messages_of(judge.stack_of(resources), "copied-secret") == []


def test_a_value_pinned_for_another_stack_is_named_as_such(pack: StartPack) -> None:
    files = {
        stack: json.loads((FILES / "policies" / "config" / f"inventory.{stack}.json").read_text())
        for stack in ("dev", "prod")
    }
    facts: dict[str, Any] = files["prod"]
    judge = pack("gate", stack="dev", config={"pinned-account": {**files["dev"]["pinned-account"], "stack": ""}})
    account = facts["pinned-account"]["account"]
    found = messages_of(judge.resource(BUCKET, {"bucket": f"arn:aws:iam::{account}:root"}), "pinned-account")
    assert any("it is pinned for prod" in message for message in found)
