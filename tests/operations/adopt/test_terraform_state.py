"""Terraform's state is read for what identifies its resources, and for nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.adopt import kinds, terraform_state
from operations.adopt.kinds import KINDS
from stackfiles.failures import BadConfiguration
from tests.operations.adopt.estates import entry, state, state_text

CANARY = "canary-7f3a-secret-value"


def test_modules_for_each_and_count_are_recognized_by_address() -> None:
    read = state(
        entry(
            "aws_iam_role",
            "task",
            {"index_key": "api", "name": "a"},
            {"index_key": "web", "name": "b"},
            module="module.iam",
        ),
        entry("aws_s3_bucket", "data", {"index_key": 1, "bucket": "c"}, module='module.data["raw"]'),
        entry("aws_lb", "edge", {"arn": "arn:x", "name": "d"}, dependencies=["aws_s3_bucket.data"]),
        {**entry("aws_caller_identity", "me", {"account_id": "1"}), "mode": "data"},
    )
    assert (read.lineage, read.serial, read.terraform_version) == ("a-lineage", 3, "1.11.4")
    assert [resource.address for resource in read.resources] == [
        'module.iam.aws_iam_role.task["api"]',
        'module.iam.aws_iam_role.task["web"]',
        'module.data["raw"].aws_s3_bucket.data[1]',
        "aws_lb.edge",
    ]
    assert read.resources[0].whole_address == "module.iam.aws_iam_role.task"
    assert read.resources[3].dependencies == ("aws_s3_bucket.data",)
    assert read.resources[3].attributes == {"arn": ("arn:x",), "name": ("d",)}


def test_the_hosts_of_a_rule_are_read_and_the_header_secret_beside_them_is_not() -> None:
    conditions = [
        {"host_header": [{"values": ["portal.example.com"]}], "http_header": []},
        {"host_header": [], "http_header": [{"http_header_name": "X-Origin-Verify", "values": [CANARY]}]},
    ]
    actions = [{"authenticate_oidc": [{"client_secret": CANARY}]}]
    (rule,) = state(
        entry(
            "aws_lb_listener_rule",
            "portal",
            {"arn": "arn:r", "priority": 100, "condition": conditions, "action": actions},
        )
    ).resources
    assert rule.attributes == {"arn": ("arn:r",), "priority": ("100",), "hosts": ("portal.example.com",)}


def test_both_generations_of_the_cloudflare_provider_give_the_whole_host() -> None:
    read = state(
        entry(
            "cloudflare_dns_record", "new", {"id": "1", "zone_id": "z", "name": "portal.example.com", "type": "CNAME"}
        ),
        entry(
            "cloudflare_record",
            "old",
            {"id": "2", "zone_id": "z", "name": "portal", "hostname": "portal.example.com", "type": "CNAME"},
        ),
    )
    assert {resource.attributes["name"] for resource in read.resources} == {("portal.example.com",)}


ALLOWED = {
    attribute
    for kind in KINDS.values()
    for paths in kind.terraform.values()
    for path in paths.values()
    for alternative in path.split("|")
    for attribute in [alternative.split(".")[0]]
} | {attribute for attributes in kinds.PARTS.values() for attribute in attributes}
TYPES = sorted(
    {type_ for kind in KINDS.values() for type_ in kind.terraform} | kinds.PARTS.keys() | {"random_password"}
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.just(CANARY) | st.none() | st.booleans() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "policy", "values", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["secret_string", "value", "client_secret", "result", "custom_header", "password", "tags", "action"]
    ),
    ANYTHING,
    max_size=6,
)


@given(st.lists(st.tuples(st.sampled_from(TYPES), ATTRIBUTES, ANYTHING), max_size=6))
def test_only_values_of_the_table_are_kept(found: list[tuple[str, dict[str, Any], Any]]) -> None:
    assert not ALLOWED & {"secret_string", "value", "client_secret", "result", "custom_header", "password", "tags"}
    document = json.loads(
        state_text(*(entry(type_, f"r{place}", given) for place, (type_, given, _) in enumerate(found)))
    )
    document["outputs"] = {"all": {"value": [other for _, _, other in found]}}
    assert CANARY not in repr(terraform_state.read(json.dumps(document), "a test"))


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        json.dumps([CANARY]),
        json.dumps({"format_version": "1.0", "values": {"secret": CANARY}}),
        json.dumps({"version": 3, "resources": [], "secret": CANARY}),
        state_text({"mode": "managed", "secret": CANARY}),
        json.dumps({"version": 4, "resources": [], "serial": CANARY, "lineage": "x"}),
        "[" * 100_000,
    ],
)
def test_input_that_is_not_a_state_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        terraform_state.read(text, "state.json")
    assert "accepted: what `terraform state pull` writes (version 4)" in str(refused.value)
    assert CANARY not in str(refused.value)


def test_a_deposed_object_is_refused() -> None:
    broken = entry("aws_acm_certificate", "a", {"arn": "arn:x"}, deposed="1b2c")
    with pytest.raises(BadConfiguration, match="apply again first"):
        state(broken)
