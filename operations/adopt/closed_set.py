"""The resources that Terraform has to forget together: wholes with their parts, and its own bookkeeping."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from operations.adopt.resources import TerraformResource, TerraformState

_PARTS: Final[Mapping[str, str]] = {
    "aws_iam_role_policy": "aws_iam_role",
    "aws_iam_role_policy_attachment": "aws_iam_role",
    "aws_iam_role_policies_exclusive": "aws_iam_role",
    "aws_iam_role_policy_attachments_exclusive": "aws_iam_role",
    "aws_iam_policy_attachment": "aws_iam_policy",
    "aws_secretsmanager_secret_*": "aws_secretsmanager_secret",
    "aws_s3_bucket_object": "",
    "aws_s3_bucket_*": "aws_s3_bucket",
    "aws_lb_listener": "aws_lb",
    "aws_lb_listener_*": "aws_lb_listener",
    "aws_lb_target_group_attachment": "aws_lb_target_group",
    "aws_security_group_rule": "aws_security_group",
    "aws_vpc_security_group_*_rule": "aws_security_group",
    "aws_acm_certificate_validation": "aws_acm_certificate",
    "aws_cloudfront_monitoring_subscription": "aws_cloudfront_distribution",
}
"""Terraform types, as patterns tried in order -> the type that they are a part of, or an empty text.

If Terraform forgets a whole but keeps its part, its next plan replaces or destroys the part: a role loses its policy, a
secret its value.
"""
_BOOKKEEPING: Final = ("random_*", "tls_*", "time_*", "null_resource", "terraform_data")
"""Types that exist only in Terraform's state. They are forgotten with the last resource that uses them."""


@dataclass(frozen=True)
class ClosedSet:
    """What Terraform has to forget at once, in the order of its state, and what keeps the set from being closed."""

    leaving: Sequence[TerraformResource]
    problems: Sequence[str]


def close(state: TerraformState, taken: Collection[str]) -> ClosedSet:
    """Return what leaves Terraform when the resources at some addresses are taken over."""
    leaving, problems = set(taken), dict[str, None]()
    while more := {found.address for found in _parts_that_leave(state, leaving, problems)} - leaving:
        leaving |= more
    leaving |= {found.address for found in _bookkeeping_that_leaves(state, leaving)}
    for part in state.resources:
        wholes = _wholes(state, part)
        if part.address in taken and wholes and not any(whole.address in leaving for whole in wholes):
            problems[
                f"{part.address} is taken over, but {wholes[0].address}, which it is a part of, stays; take over both, "
                "or leave both to Terraform"
            ] = None
    return ClosedSet([one for one in state.resources if one.address in leaving], list(problems))


def _parts_that_leave(
    state: TerraformState, leaving: Collection[str], problems: dict[str, None]
) -> Iterator[TerraformResource]:
    """Yield the parts of the resources that leave; note a problem for each part whose whole is uncertain."""
    for part in state.resources:
        if part.address in leaving:
            continue
        wholes = _wholes(state, part)
        gone = [whole for whole in wholes if whole.address in leaving]
        if wholes and len(gone) == len(wholes):
            yield part
        elif gone:
            others = ", ".join(whole.address for whole in wholes)
            problems[
                f"{part.address} belongs to one of {others}, and the state doesn't say to which one. Only some of "
                "them are taken over; take over all or none"
            ] = None


def _wholes(state: TerraformState, part: TerraformResource) -> list[TerraformResource]:
    """Return the resources that a part may belong to: just one if the state says which."""
    type_ = next((whole for pattern, whole in _PARTS.items() if fnmatchcase(_main_name(part.type), pattern)), "")
    of_type = [one for one in state.resources if type_ and _main_name(one.type) == type_]
    given = {value for key, values in part.attributes.items() if key not in _OWN for value in values}
    linked = [one for one in of_type if configured(one.whole_address) in part.dependencies]
    named = [
        one for one in linked or of_type if given & {value for key in _NAMES for value in one.attributes.get(key, ())}
    ]
    found = named or linked
    near = [one for one in found if one.module == part.module]
    return found if len(found) == 1 else [one for one in near if one.index == part.index] or near or found


_OWN: Final = ("arn", "id", "name")
"""Attributes that identify a part itself, not its whole."""
_NAMES: Final = (*_OWN, "bucket")
"""Attributes by which parts name their whole."""


def _bookkeeping_that_leaves(state: TerraformState, leaving: Collection[str]) -> Iterator[TerraformResource]:
    for one in state.resources:
        if not any(fnmatchcase(one.type, pattern) for pattern in _BOOKKEEPING):
            continue
        users = [other for other in state.resources if configured(one.whole_address) in other.dependencies]
        if users and all(user.address in leaving for user in users):
            yield one


def _main_name(type_: str) -> str:
    """Return a type under its main name: `aws_alb` is an alias of `aws_lb`."""
    return f"aws_lb{type_.removeprefix('aws_alb')}" if type_.startswith("aws_alb") else type_


def configured(address: str) -> str:
    """Return an address as it is written in Terraform's code, without instance keys.

    >>> configured('module.data["a.b"].aws_s3_bucket.this[0]')
    'module.data.aws_s3_bucket.this'
    """
    return _KEY.sub("", address)


_KEY: Final = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
