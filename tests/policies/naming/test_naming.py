"""What the tables of `cases.yaml` can't express: configuration, whole stacks, tables of types, arbitrary input."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.naming import RULES
from policies.naming.compile_taggable import compile_table
from policies.naming.physical_names import PHYSICAL_NAMES
from policies.naming.taggable import TABLE, TAGGABLE
from policies.rulebook import Judgement, Resource
from policies.rulebook.judging import Judge
from tests.policies.analyzer import UNKNOWN, Json, Planned, StartPack, secret

SECRET: Final = "aws:secretsmanager/secret:Secret"
BUCKET: Final = "aws:s3/bucket:Bucket"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
DELIVERY: Final = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
TAGS: Final = {"Project": "p", "Environment": "prod", "Component": "c", "ManagedBy": "pulumi"}


# Configuration


def test_records_need_a_configured_zone() -> None:
    """The packs' own test harness sets a domain in the stack's configuration."""
    record = Resource("cloudflare:index/dnsRecord:DnsRecord", "urn", "portal", {"name": "portal.example.com"})
    (rule,) = (rule for rule in RULES if rule.id == "misnamed-record")
    for settings, passes in ({}, False), ({"domain": "example.org"}, False), ({"domain": "example.com"}, True):
        found = list(Judge(rule, {}).violations(record, Judgement("p", "prod", {}, settings=settings)))
        assert bool(found) is not passes, found


@pytest.mark.parametrize(
    ("rule", "config", "type_", "passes", "fails"),
    [
        ("misnamed-secret", {"environment": "qa"}, SECRET, {"name": "qa/db/admin"}, {"name": "prod/db/admin"}),
        ("misnamed-secret", {"exceptions": ["a"]}, SECRET, {"name": "a"}, {"name": "blog-data/neo4j/credentials"}),
        ("misnamed-bucket", {"environment": "a.b"}, BUCKET, {"bucket": "a.b-c"}, {"bucket": "axb-c"}),
        (
            "misplaced-iam-resource",
            {"path": "/x/${environment}/"},
            "aws:iam/policy:Policy",
            {"name": "prod-a", "path": "/x/prod/"},
            {"name": "prod-a", "path": "/workshop/prod/"},
        ),
        (
            "misnamed-record",
            {"zone": "example.com", "production": "live", "environment": "live"},
            "cloudflare:index/dnsRecord:DnsRecord",
            {"name": "portal.example.com"},
            {"name": "portal.rocketclub.online"},
        ),
        (
            "misnamed-record",
            {"production": "live"},
            "cloudflare:index/dnsRecord:DnsRecord",
            {"name": "portal-prod.rocketclub.online"},
            {"name": "portal.rocketclub.online"},
        ),
        (
            "misnamed-record",
            {"production": "live", "host_style": "subdomain"},
            "cloudflare:index/dnsRecord:DnsRecord",
            {"name": "portal.prod.rocketclub.online"},
            {"name": "portal-prod.rocketclub.online"},
        ),
        ("missing-tags", {"required": ["Owner"]}, BUCKET, {"tags": {"Owner": "me"}}, {"tags": TAGS}),
        ("missing-tags", {"environment": "qa"}, BUCKET, {"tags": {**TAGS, "Environment": "qa"}}, {"tags": TAGS}),
    ],
)
def test_configuration_decides_which_names_pass(
    pack: StartPack,
    rule: str,
    config: dict[str, Json],
    type_: str,
    passes: dict[str, Json],
    fails: dict[str, Json],
) -> None:
    judge = pack("naming", config={rule: config})
    assert judge.root() == []
    assert rule not in {item.rule for item in judge.resource(type_, passes)}
    assert rule in {item.rule for item in judge.resource(type_, fails)}


@pytest.mark.parametrize(
    ("defaults", "passes"),
    [
        ({"defaultTags": json.dumps({"tags": TAGS})}, True),
        ({"defaultTags": {"tags": TAGS}}, True),
        ({"defaultTags": json.dumps({"tags": {**TAGS, "Environment": "dev"}})}, False),
        ({"defaultTags": json.dumps({"tags": None})}, False),
        ({"defaultTags": json.dumps({})}, False),
        ({"defaultTags": "{"}, False),
        ({"defaultTags": UNKNOWN}, False),
        ({"defaultTags": {"tags": UNKNOWN}}, False),
        ({"defaultTags": {"tags": {**TAGS, "Project": UNKNOWN}}}, False),
        ({"region": "eu-central-1"}, False),
    ],
)
def test_default_tags_of_the_provider_count(pack: StartPack, defaults: dict[str, Json], passes: bool) -> None:
    found = pack("naming").resource(BUCKET, {"bucket": "prod-it"}, provider=defaults)
    assert {item.rule for item in found} == (set() if passes else {"missing-tags"})
    assert not any("The rule failed" in item.message for item in found)


def test_a_resource_overrides_the_default_tags(pack: StartPack) -> None:
    provider = {"defaultTags": json.dumps({"tags": TAGS})}
    inputs = {"bucket": "prod-it", "tags": {"Environment": "dev"}}
    (found,) = pack("naming").resource(BUCKET, inputs, provider=provider)
    assert found.message.splitlines()[1] == "The tag `Environment` isn't `prod`."


def test_a_waiver_lets_one_misnamed_resource_pass(pack: StartPack) -> None:
    today = str(dt.datetime.now(dt.UTC).date())
    waiver = {"resource": "old", "reason": "moves with the next release", "owner": "platform", "expires": today}
    judge = pack("naming", config={"misnamed-bucket": {"waivers": [waiver]}})
    inputs = {"bucket": "old-bucket", "tags": TAGS}
    assert judge.resource(BUCKET, inputs, "old") == []
    assert [item.rule for item in judge.resource(BUCKET, inputs, "new")] == ["misnamed-bucket"]


def test_no_message_shows_a_tag_or_a_huge_name(pack: StartPack) -> None:
    canary = "canary-5e2c"
    tags = {"Project": "", "Environment": secret(canary), "Component": [canary], "ManagedBy": UNKNOWN}
    found = pack("naming").resource(SECRET, {"name": "x" * 100_000, "tags": tags, "description": canary})
    assert {item.rule for item in found} == {"misnamed-secret", "missing-tags"}
    assert not any(canary in item.message or len(item.message) > 1000 for item in found)


def test_all_faults_of_a_distribution_are_reported_at_once(pack: StartPack) -> None:
    inputs = {"aliases": [UNKNOWN, 7, "portal.example.com"], "comment": "mine", "tags": {**TAGS, "Name": "mine"}}
    found = pack("naming").resource("aws:cloudfront/distribution:Distribution", inputs)
    assert [item.message.splitlines()[1].split()[0] for item in found] == [
        "`aliases.0`",
        "`aliases.1`",
        "`aliases.2`",
        "`comment`",
        "`tags.Name`",
    ]


def test_an_unknown_tag_is_not_called_missing(pack: StartPack) -> None:
    (found,) = pack("naming").resource(BUCKET, {"bucket": "prod-it", "tags": {**TAGS, "Project": UNKNOWN}})
    assert "The tag `Project` isn't known at preview" in found.message


# Stacks


def named(type_: str, name: str, **properties: Json) -> tuple[str, dict[str, Json]]:
    return type_, {PHYSICAL_NAMES[type_].property: name, **properties}


@pytest.mark.parametrize(
    ("resources", "reported"),
    [
        ([named(SECRET, "a"), named(SECRET, "b")], []),
        ([named(SECRET, "a"), named(SECRET, "a")], [1]),
        ([named(SECRET, "a"), named(SECRET, "b"), named(SECRET, "a"), named(SECRET, "a")], [2, 3]),
        ([named(BUCKET, "a"), named("aws:s3/bucketV2:BucketV2", "a")], [1]),
        ([named("aws:alb/targetGroup:TargetGroup", "a"), named("aws:lb/targetGroup:TargetGroup", "a")], [1]),
        ([named("aws:iam/role:Role", "a"), named("aws:iam/policy:Policy", "a")], []),
        ([named(ROLE_POLICY, "a", role="r"), named(ROLE_POLICY, "a", role="s")], []),
        ([named(ROLE_POLICY, "a", role="r"), named(ROLE_POLICY, "a", role="r")], [1]),
        ([named(ROLE_POLICY, "a", role=UNKNOWN), named(ROLE_POLICY, "a", role=UNKNOWN)], [1]),
        ([named(DELIVERY, "a", region="us-east-1"), named(DELIVERY, "a", region="eu-central-1")], []),
        ([named(DELIVERY, "a", region="us-east-1"), named(DELIVERY, "a")], []),
        ([named(DELIVERY, "a", region=UNKNOWN), named(DELIVERY, "a")], [1]),
        # Unknown or malformed names can't be compared, so each is reported. `generated-name` reports missing ones.
        ([named(SECRET, UNKNOWN), (SECRET, {"name": 7}), (SECRET, {"name": []}), named(SECRET, "a")], [0, 1, 2]),
        ([(SECRET, {}), (SECRET, {})], []),
        ([("test:index:Thing", {"name": "a"}), ("test:index:Thing", {"name": "a"})], []),
    ],
)
def test_a_duplicate_name_is_reported(
    pack: StartPack, resources: list[tuple[str, dict[str, Json]]], reported: list[int]
) -> None:
    stack = [Planned(type_, properties, f"r{index}") for index, (type_, properties) in enumerate(resources)]
    found = pack("naming").stack_of(stack)
    assert [item.urn for item in found] == [stack[index].urn("prod") for index in reported]
    assert {item.rule for item in found} <= {"duplicate-name"}
    assert not any("The rule failed" in item.message for item in found)


def test_a_region_may_come_from_the_provider(pack: StartPack) -> None:
    stack = [
        Planned(BUCKET, {"bucket": "a"}, "one", provider={"region": "us-east-1"}),
        Planned(BUCKET, {"bucket": "a"}, "two", provider={"region": "eu-central-1"}),
        Planned(BUCKET, {"bucket": "a", "region": "us-east-1"}, "three", provider={"region": "eu-central-1"}),
    ]
    assert [item.urn for item in pack("naming").stack_of(stack)] == [stack[2].urn("prod")]


def test_five_thousand_resources_are_all_judged(pack: StartPack) -> None:
    stack = [Planned(BUCKET, {"bucket": f"prod-b{index % 4999}"}, f"r{index}") for index in range(5000)]
    assert [item.urn for item in pack("naming").stack_of(stack)] == [stack[4999].urn("prod")]


# Tables of types


def test_the_table_of_taggable_types_matches_the_installed_sdk() -> None:
    assert compile_table() == TABLE.read_text(encoding="utf-8")
    assert len(TAGGABLE) > 800


def test_every_physical_name_is_judged_by_one_convention() -> None:
    for type_ in PHYSICAL_NAMES:
        rules = [rule.id for rule in RULES if rule.id.startswith("misnamed-") and type_ in rule.types]
        rules = [id_ for id_ in rules if (id_, type_) != ("misnamed-policy", "aws:iam/role:Role")]  # inline policies
        assert len(rules) == 1, f"{type_}: {rules}"


@pytest.mark.parametrize("type_", sorted(PHYSICAL_NAMES))
def test_the_properties_of_a_physical_name_are_inputs_of_the_sdk(type_: str) -> None:
    import pulumi_aws

    module, _, rest = type_.removeprefix("aws:").partition("/")
    file = rest.partition(":")[2]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in file).strip("_")
    assert pulumi_aws.__file__
    package = Path(pulumi_aws.__file__).parent / ("lambda_" if module == "lambda" else module)
    text = (package / f"{snake}.py").read_text(encoding="utf-8")
    assert f"'{type_}'" in text
    entry = PHYSICAL_NAMES[type_]
    for property_ in filter(None, (entry.property, entry.prefix, *entry.within)):
        assert f'pulumi.set(__self__, "{_snake(property_)}"' in text, property_


def _snake(property_: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in property_)


# Arbitrary input

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from([UNKNOWN, "prod/db/admin", "prod-a-b", "portal.rocketclub.online", "x" * 5000])
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
READ: Final = sorted(
    {"path", "inlinePolicies", "aliases", "comment", "tags", "type", "proxied", "content", "region"}
    | {entry.property for entry in PHYSICAL_NAMES.values()}
    | {path for entry in PHYSICAL_NAMES.values() for path in (entry.prefix, *entry.within) if path}
)
RESOURCES = st.builds(
    Planned,
    st.sampled_from(
        sorted({type_ for rule in RULES for type_ in rule.types if type_ not in TAGGABLE} | {*PHYSICAL_NAMES})
    ),
    st.dictionaries(st.sampled_from(READ) | st.text(max_size=12), ANY, max_size=6),
    st.text(min_size=1, max_size=12),
    provider=st.fixed_dictionaries(
        {}, optional={"region": ANY, "defaultTags": ANY | st.fixed_dictionaries({"tags": ANY})}
    ),
)


@given(stack=st.lists(RESOURCES, max_size=4))
def test_no_input_makes_the_pack_fail(pack: StartPack, stack: list[Planned]) -> None:
    for violation in pack("naming").everything(stack):
        assert "The rule failed" not in violation.message
        assert violation.level == "mandatory"


def spoiled() -> st.SearchStrategy[Any]:
    """Values that aren't a known text: unknown, of another type, or containing an unknown."""
    return st.sampled_from([UNKNOWN, secret(UNKNOWN)]) | ANY.filter(
        lambda value: value is not None and not isinstance(value, str)
    )


@given(type_=st.sampled_from(sorted(PHYSICAL_NAMES)), name=spoiled(), more=st.dictionaries(st.text(max_size=8), ANY))
def test_a_name_must_be_a_known_text(pack: StartPack, type_: str, name: Json, more: dict[str, Json]) -> None:
    given_ = {**more, PHYSICAL_NAMES[type_].property: name}
    found = pack("naming").resource(type_, given_)
    assert any(item.rule.startswith("misnamed-") for item in found)
    assert any(item.rule == "duplicate-name" for item in pack("naming").stack_of([Planned(type_, given_)]))


@given(
    type_=st.sampled_from(sorted(PHYSICAL_NAMES)),
    name=st.text(max_size=60) | st.from_regex(r"\A/?(prod|dev|Prod)[-/.]?[a-z0-9/_.-]{0,30}\n?\Z"),
)
def test_every_name_that_passes_contains_the_environment(pack: StartPack, type_: str, name: str) -> None:
    found = pack("naming").resource(type_, {PHYSICAL_NAMES[type_].property: name})
    if not any(item.rule.startswith("misnamed-") for item in found):
        assert name.startswith(("prod-", "prod/", "/prod/", "/ecs/prod/", "/aws/lambda/prod-", "aws-waf-logs-prod-"))
        assert name == name.strip().lower()
