"""What Terraform forgets: a closed set, in blocks as large as possible, with replacements for its code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from operations.adopt.closed_set import close
from operations.adopt.hand_over import WAY_BACK, HandOver, files, prepare
from operations.adopt.resources import TerraformState
from operations.adopt.terraform_state import read

Entry = tuple[str, Mapping[Any, Mapping[str, Any]], Sequence[str]]
"""Address without the last key; instance key (None without one) -> attributes; addresses that it depends on."""


def state(*resources: Entry, version: str = "1.11.4") -> TerraformState:
    """Return a state, as read from the output of `terraform state pull`."""
    listed = []
    for address, instances, dependencies in resources:
        *module, type_, name = address.rsplit(".", 2)
        listed.append(
            {
                "mode": "managed",
                **({"module": ".".join(module)} if module else {}),
                "type": type_,
                "name": name,
                "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                "instances": [
                    {"attributes": attributes, "dependencies": list(dependencies)}
                    | ({} if key is None else {"index_key": key})
                    for key, attributes in instances.items()
                ],
            }
        )
    document = {"version": 4, "serial": 1, "lineage": "l", "terraform_version": version, "resources": listed}
    return read(json.dumps(document), "state.json")


def handed_over(given: TerraformState, *taken: str) -> HandOver:
    return prepare(given, dict.fromkeys(taken, "id"))


ROLES: Entry = (
    "module.iam.aws_iam_role.this",
    {"a": {"name": "role-a"}, "b": {"name": "role-b"}},
    [],
)
POLICIES: Entry = (
    "module.iam.aws_iam_role_policy.this",
    {"a": {"role": "role-a", "name": "one"}, "b": {"role": "role-b", "name": "one"}},
    ["module.iam.aws_iam_role.this"],
)
ROLE_A, ROLE_B = (f'module.iam.aws_iam_role.this["{key}"]' for key in "ab")
POLICY_A, POLICY_B = (f'module.iam.aws_iam_role_policy.this["{key}"]' for key in "ab")


def test_a_role_leaves_with_its_policies() -> None:
    given = state(ROLES, POLICIES)
    assert [one.address for one in close(given, {ROLE_A}).leaving] == [ROLE_A, POLICY_A]
    assert handed_over(given, ROLE_A).besides == [POLICY_A]


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("aws_secretsmanager_secret", "aws_secretsmanager_secret_version"),
        ("aws_secretsmanager_secret", "aws_secretsmanager_secret_rotation"),
        ("aws_s3_bucket", "aws_s3_bucket_notification"),
        ("aws_iam_role", "aws_iam_role_policies_exclusive"),
        ("aws_alb", "aws_lb_listener"),
        ("aws_lb_listener", "aws_alb_listener_rule"),
        ("aws_security_group", "aws_vpc_security_group_egress_rule"),
        ("aws_acm_certificate", "aws_acm_certificate_validation"),
    ],
)
def test_parts_leave_with_their_whole(whole: str, part: str) -> None:
    given = state((f"{whole}.this", {None: {}}, []), (f"{part}.this", {None: {}}, [f"{whole}.this"]))
    assert [one.address for one in close(given, {f"{whole}.this"}).leaving] == [f"{whole}.this", f"{part}.this"]
    assert close(given, {f"{part}.this"}).problems == [
        f"{part}.this is taken over, but {whole}.this, which it is a part of, stays; take over both, or leave both to "
        "Terraform"
    ]


def test_parts_of_parts_leave_too() -> None:
    given = state(
        ("aws_lb_listener_rule.this", {"a": {}, "b": {}}, ["aws_lb.this", "aws_lb_listener.this"]),
        ("aws_lb_listener.this", {None: {}}, ["aws_lb.this"]),
        ("aws_lb.this", {None: {}}, []),
    )
    assert len(close(given, {"aws_lb.this"}).leaving) == 4


def test_objects_in_a_bucket_stay() -> None:
    given = state(
        ("aws_s3_bucket.this", {None: {}}, []), ("aws_s3_bucket_object.this", {None: {}}, ["aws_s3_bucket.this"])
    )
    assert handed_over(given, "aws_s3_bucket.this").addresses == ["aws_s3_bucket.this"]


def test_a_generated_value_leaves_with_its_last_user() -> None:
    given = state(
        ("random_password.one", {None: {}}, []),
        ("random_password.shared", {None: {}}, []),
        ("aws_secretsmanager_secret.this", {None: {}}, []),
        (
            "aws_secretsmanager_secret_version.this",
            {None: {}},
            ["aws_secretsmanager_secret.this", "random_password.one", "random_password.shared"],
        ),
        ("aws_db_instance.this", {None: {}}, ["random_password.shared"]),
    )
    assert handed_over(given, "aws_secretsmanager_secret.this").addresses == [
        "aws_secretsmanager_secret.this",
        "aws_secretsmanager_secret_version.this",
        "random_password.one",
    ]


def test_a_part_of_an_unclear_whole_is_a_problem() -> None:
    given = state(
        ROLES, ("module.iam.aws_iam_role_policy.more", {"x": {"name": "x"}}, ["module.iam.aws_iam_role.this"])
    )
    assert handed_over(given, ROLE_A, ROLE_B).problems == []
    (problem,) = handed_over(given, ROLE_A).problems
    assert problem.startswith('module.iam.aws_iam_role_policy.more["x"] belongs to one of')
    assert problem.endswith("take over all or none")


def test_whole_modules_and_resources_are_removed_before_single_instances() -> None:
    logs: Entry = ("module.iam.aws_cloudwatch_log_group.this", {None: {}}, [])
    assert handed_over(state(ROLES, POLICIES), ROLE_A, ROLE_B).removed == ["module.iam"]
    assert handed_over(state(ROLES, POLICIES, logs), ROLE_A, ROLE_B).removed == [
        "module.iam.aws_iam_role.this",
        "module.iam.aws_iam_role_policy.this",
    ]
    one = handed_over(state(ROLES, POLICIES), ROLE_A)
    assert (one.removed, one.instances) == ([], [ROLE_A, POLICY_A])
    assert files(one)["state-rm.sh"] == f"set -eu\nterraform state rm '{ROLE_A}'\nterraform state rm '{POLICY_A}'\n"


def test_modules_with_keys_leave_together_or_by_instance() -> None:
    first, second = (f'module.data["{key}"].aws_s3_bucket.this' for key in ("x.y", "z"))
    given = state((first, {None: {"bucket": "x"}}, []), (second, {None: {"bucket": "z"}}, []))
    assert handed_over(given, first, second).removed == ["module.data"]
    assert handed_over(given, first).instances == [first]


def test_a_terraform_without_removed_blocks_gets_commands() -> None:
    done = handed_over(state(ROLES, POLICIES, version="1.6.6"), ROLE_A, ROLE_B)
    assert (done.removed, done.instances) == ([], [ROLE_A, ROLE_B, POLICY_A, POLICY_B])


def test_code_that_stays_looks_up_what_left() -> None:
    given = state(
        ROLES,
        ("aws_lb.this", {None: {"arn": "arn:lb", "name": "${lb}"}}, []),
        ("aws_lb_listener.this", {None: {"arn": "arn:listener"}}, ["aws_lb.this"]),
        (
            "aws_ecs_task_definition.this",
            {None: {}},
            ["module.iam.aws_iam_role.this", "aws_lb_listener.this", "aws_lb.this"],
        ),
        ("aws_wafv2_web_acl_association.this", {None: {}}, ["aws_lb.this"]),
    )
    done = handed_over(given, ROLE_A, ROLE_B, "aws_lb.this")
    task, waf = "aws_ecs_task_definition.this", "aws_wafv2_web_acl_association.this"
    assert [(one.stays, one.leaves) for one in done.references] == [
        (task, "module.iam.aws_iam_role.this"),
        (task, "aws_lb_listener.this"),  # through this it refers to the load balancer
        (waf, "aws_lb.this"),
    ]
    assert done.lookups["module.iam.aws_iam_role.this"] == (
        'data "aws_iam_role" "iam_this" {\n  for_each = {\n    "a" = "role-a"\n    "b" = "role-b"\n  }\n'
        "  name = each.value\n}\n"
    )
    assert done.lookups["aws_lb.this"] == 'data "aws_lb" "this" {\n  arn = "arn:lb"\n}\n'
    page = files(done)["hand-over.md"]
    assert f"| `{task}` | `module.iam.aws_iam_role.this` | `data.aws_iam_role.iam_this` of looked-up.tf |" in page
    assert '- `module "iam"`' in page
    assert "- `aws_lb_listener.this`" in page  # the program has no counterpart for it


def test_the_way_back_imports_what_was_taken_over() -> None:
    done = prepare(state(("aws_acm_certificate.this", {None: {}}, [])), {"aws_acm_certificate.this": "arn@us-east-1"})
    assert files(done)["way-back.tf"] == 'import {\n  to = aws_acm_certificate.this\n  id = "arn"\n}\n'


def test_the_way_back_has_the_ids_that_terraforms_import_needs() -> None:
    secret, group = "aws_secretsmanager_secret.a", "aws_security_group.g"
    rule = {"type": "ingress", "security_group_id": "sg-1", "protocol": "tcp", "from_port": 443, "to_port": 443}
    given = state(
        (secret, {None: {"arn": "arn:a", "name": "a"}}, []),
        (
            "aws_secretsmanager_secret_version.a",
            {None: {"secret_id": "arn:a", "version_id": "v1"}},
            [secret, "random_password.a"],
        ),
        ("random_password.a", {None: {"id": "none", "result": "canary"}}, []),
        (group, {None: {"id": "sg-1", "name": "g", "vpc_id": "vpc-1"}}, []),
        (
            "aws_security_group_rule.r",
            {None: {**rule, "security_group_rule_id": "sgr-1", "cidr_blocks": ["10.0.0.0/8", "192.0.2.0/24"]}},
            [group],
        ),
    )
    done = prepare(given, {secret: "arn:a", group: "sg-1", "aws_security_group_rule.r": "sgr-1"})
    assert done.ids == {
        secret: "arn:a",
        "aws_secretsmanager_secret_version.a": "arn:a|v1",
        "random_password.a": "",
        group: "sg-1",
        "aws_security_group_rule.r": "sg-1_ingress_tcp_443_443_10.0.0.0/8_192.0.2.0/24",
    }
    text = files(done)[WAY_BACK]
    assert "# random_password.a can't be imported.\n" in text
    assert text.count("import {") == 4
