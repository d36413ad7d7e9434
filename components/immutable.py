"""Properties that AWS can't change later, if they differ from what the program would choose: the setting `immutable`.

A resource that others created has a name, a description, a port or a kind of key that the program can't change without
replacing it. The setting gives those values, by kind, by the program's own name for the resource, and by property:

    immutable:
      roles: {prod-backstage-task: {name: backstage-task}}
      securityGroups: {prod-edge: {name: alb, description: Allow CloudFront}}

It gives nothing else. The program sets every property that can change, and the gate judges all of them as usual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.applications import APPLICATIONS
from components.catalogue import bucket_names
from components.iam_names import every_policy_name, every_role_name
from components.naming import Immutable, Names
from components.settings_problems import unknown_key
from components.settings_shapes import BUCKET_NAME, Shape

ORIGIN_CERTIFICATE: Final = "acm-alb-origin"
VIEWER_CERTIFICATE: Final = "acm-viewer"
"""The program's names for its certificates."""

_IAM_NAME: Final = r"[\w+=,.@-]"
_GROUP_TEXT: Final = r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}"


@dataclass(frozen=True)
class Kind:
    """One kind of resource: its type, the program's names for its resources, and the shape of each property."""

    type: str
    names: Callable[[Names], Iterable[str]]
    properties: Mapping[str, Shape]


_BALANCER_NAME: Final = Shape(
    r"(?!internal-)(?=.{1,32}$)[A-Za-z0-9]+(-+[A-Za-z0-9]+)*",
    "1 to 32 letters, digits and hyphens between them, not internal- at the beginning",
)
_GROUP_NAME: Final = Shape(
    rf"(?!sg-){_GROUP_TEXT}",
    "1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, not sg- at the beginning",
)

KINDS: Final[Mapping[str, Kind]] = {
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and the pages beside it
    "roles": Kind(
        "aws:iam/role:Role",
        every_role_name,
        {"name": Shape(_IAM_NAME + "{1,64}", "1 to 64 letters, digits and _+=,.@-")},
    ),
    "rolePolicies": Kind(
        "aws:iam/rolePolicy:RolePolicy",
        every_role_name,
        {"name": Shape(_IAM_NAME + "{1,128}", "1 to 128 letters, digits and _+=,.@-")},
    ),
    "policies": Kind(
        "aws:iam/policy:Policy",
        every_policy_name,
        {
            "name": Shape(_IAM_NAME + "{1,128}", "1 to 128 letters, digits and _+=,.@-"),
            "description": Shape(r"[^\x00-\x1f]{0,1000}", "a line of at most 1,000 characters"),
        },
    ),
    "buckets": Kind("aws:s3/bucket:Bucket", bucket_names, {"bucket": BUCKET_NAME}),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    "loadBalancers": Kind(
        "aws:lb/loadBalancer:LoadBalancer", lambda names: [names.resource("edge")], {"name": _BALANCER_NAME}
    ),
    "targetGroups": Kind(
        "aws:lb/targetGroup:TargetGroup",
        lambda names: [names.resource(application.label) for application in APPLICATIONS],
        {
            "name": _BALANCER_NAME,
            "port": Shape(
                r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]", "a port, 1 to 65535"
            ),
        },
    ),
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    "securityGroups": Kind(
        "aws:ec2/securityGroup:SecurityGroup",
        lambda names: [names.resource("edge")],
        {"name": _GROUP_NAME, "description": Shape(_GROUP_TEXT, "1 to 255 characters that EC2 takes in a description")},
    ),
    # The two that ACM issues and CloudFront accepts:
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
    "certificates": Kind(
        "aws:acm/certificate:Certificate",
        lambda _: [ORIGIN_CERTIFICATE, VIEWER_CERTIFICATE],
        {"keyAlgorithm": Shape("RSA_2048|EC_prime256v1", "RSA_2048 or EC_prime256v1")},
    ),
}
"""Kind, as in the setting -> what the setting can give."""


def read(given: Mapping[str, Any]) -> Immutable:
    """Return the setting's values as texts, without malformed ones, which `problems` reports."""
    return {
        kind: {
            name: {key: f"{value}" for key, value in properties.items()}
            for name, properties in resources.items()
            if isinstance(properties, dict)
        }
        for kind, resources in given.items()
        if isinstance(resources, dict)
    }


def problems(given: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Yield each problem of the setting: the path to the value, what is wrong, and what is accepted."""
    for kind, resources in given.items():
        if kind not in KINDS:
            yield f"immutable.{unknown_key(kind, KINDS)}"
        elif not isinstance(resources, dict):
            yield f"immutable.{kind}: is `{resources}`; accepted: a mapping of resources to their values"
        else:
            for name, properties in resources.items():
                yield from _values_problems(kind, name, properties, list(KINDS[kind].names(names)))


def _values_problems(kind: str, name: str, properties: object, known: list[str]) -> Iterator[str]:
    shapes = KINDS[kind].properties
    if name not in known:
        yield f"immutable.{kind}.{unknown_key(name, known)}"
    elif not isinstance(properties, dict):
        yield f"immutable.{kind}.{name}: is `{properties}`; accepted: a mapping with {' or '.join(shapes)}"
    else:
        for key, value in properties.items():
            if key not in shapes:
                yield f"immutable.{kind}.{name}.{unknown_key(key, shapes)}"
                continue
            shape = shapes[key]
            text = f"{value}" if isinstance(value, str | int) and not isinstance(value, bool) else None
            if text is None or not re.fullmatch(shape.pattern, text):
                yield f"immutable.{kind}.{name}.{key}: `{value}` won't do; accepted: {shape.accepted}"
