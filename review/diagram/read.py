"""Collects what the diagram shows from the resources of a plan."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.readers import PARAMETERS, SECRETS, readings
from policies.least_privilege.access.report import holder_accesses, read_plan
from review.way import hidden
from stackfiles.plan_document import PlanDocument


class NotDrawn(Exception):
    """There is no diagram for a plan; the message says why."""


@dataclass(frozen=True)
class Path:
    """The path of one host: record, distribution, listener rule, target group, and the service behind it."""

    host: str
    distribution: str
    origin: str
    issuer: str
    service: str
    target: str
    port: int


@dataclass(frozen=True)
class Store:
    """A secret, a parameter, a bucket, a service or a database. `type` is empty if the stack doesn't create it."""

    name: str
    type: str


@dataclass(frozen=True)
class Stack:
    """What the diagram shows.

    `roles` are grouped by who assumes them, `stores` by their heading. `reads` has a role's name, the name of what it
    reads, and the kind of that: `secret`, `parameter` or `bucket`. `issued` are the roles that are assumed with an
    identity provider's token, as CI does. `paths` is empty if the plan hides a part of them.
    """

    account: str
    region: str
    network: str
    paths: Sequence[Path]
    roles: Mapping[str, Sequence[str]]
    stores: Mapping[str, Sequence[Store]]
    reads: Sequence[tuple[str, str, str]]
    issued: frozenset[str]


_SECRET: Final = "aws:secretsmanager/secret:Secret"
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
_BUCKET: Final = "aws:s3/bucket:Bucket"
ROLE: Final = "aws:iam/role:Role"
_RUNNING: Final = {
    "Services": ("aws:ecs/service:Service", "name"),
    "Databases": ("aws:rds/cluster:Cluster", "clusterIdentifier"),
}
"""Heading -> type of a workload that a stack can create, and the property with its name."""

_ISSUERS: Final = {"oidc.circleci.com": "CircleCI", "token.actions.githubusercontent.com": "GitHub Actions"}
"""Host of an identity provider -> its common name; others are shown by their host."""


def read_stack(plan: PlanDocument) -> Stack:
    """Read a plan.

    Raises:
        NotDrawn: a host has no record, or the plan isn't built like this project's own.
    """
    try:
        return _stack(plan)
    except (LookupError, StopIteration, ValueError, TypeError, AttributeError):
        raise NotDrawn("the plan isn't built like this project's own") from None


def _stack(plan: PlanDocument) -> Stack:
    given: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    states = [step["newState"] for step in plan["steps"] if step.get("newState")]
    for state in states:
        given[state["type"]].append(state.get("inputs", {}))
    config = plan.get("config", {})
    resources = read_plan(cast(Any, plan))
    found = list(holders(resources, inputs=True).values())
    roles: dict[str, list[str]] = defaultdict(list)
    for role in given[ROLE]:
        roles[_trusted(role)].append(role["name"])
    stores: dict[str, list[Store]] = {"Secrets": [], "Parameters": []}
    reads = []
    for title, store in (("Secrets", SECRETS), ("Parameters", PARAMETERS)):
        for one in readings(store, resources, found):
            stores[title].append(Store(one.name, store.type if one.made else ""))
            reads += [(reader, one.name, store.noun) for reader in one.readers]
        stores[title].sort(key=lambda one: not one.type)
    for bucket in given[_BUCKET]:
        part = _component(bucket)
        stores.setdefault(f"Buckets: {part}" if part else "Buckets", []).append(Store(bucket["bucket"], _BUCKET))
        reads += [(holder.name, bucket["bucket"], "bucket") for holder in found if _reads(holder, bucket["bucket"])]
    for title, (type_, name) in _RUNNING.items():
        stores[title] = [Store(str(one[name]), type_) for one in given[type_] if name in one]
    names = {name for members in roles.values() for name in members}
    return Stack(
        ", ".join(json.loads(config.get("aws:allowedAccountIds", "[]"))),
        config.get("aws:region", ""),
        _network(given),
        [] if hidden(states) else list(_paths(given)),
        {who: sorted(members) for who, members in sorted(roles.items())},
        {title: members for title, members in stores.items() if members},
        [read for read in reads if read[0] in names],
        frozenset(role["name"] for role in given[ROLE] if "Federated" in _principal(role)),
    )


def _network(given: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the network of the targets: its id, or the addresses of one that the stack creates."""
    made = next((f"VPC {vpc['cidrBlock']}" for vpc in given["aws:ec2/vpc:Vpc"]), "")
    return made or next((str(group["vpcId"]) for group in given["aws:lb/targetGroup:TargetGroup"]), "")


def _paths(given: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Path]:
    rules = {_host(rule): rule for rule in given["aws:lb/listenerRule:ListenerRule"] if _signs_in(rule)}
    # A target group's name ends in a suffix that changes with the properties that force a replacement.
    targets = {group["name"].rpartition("-")[0]: group for group in given["aws:lb/targetGroup:TargetGroup"]}
    edge = {_component(balancer) for balancer in given["aws:lb/loadBalancer:LoadBalancer"]}
    services = {
        rule["fromPort"]: rule["description"]
        for rule in given["aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"]
        if "referencedSecurityGroupId" in rule and _component(rule) in edge
    }
    proxied = {record["name"] for record in given["cloudflare:index/dnsRecord:DnsRecord"] if record.get("proxied")}
    for distribution in given["aws:cloudfront/distribution:Distribution"]:
        for host in distribution["aliases"]:
            # The comment and the target group's name have the same environment and label: `prod portal`,
            # `prod-portal-SUFFIX`.
            target = targets[distribution["comment"].replace(" ", "-")]
            if host not in proxied:
                raise NotDrawn(f"{host} has no proxied record")
            yield Path(
                host,
                distribution["comment"],
                distribution["origins"][0]["domainName"],
                rules[host]["actions"][0]["authenticateOidc"]["issuer"].removeprefix("https://"),
                services[target["port"]],
                target["name"],
                int(target["port"]),
            )


def _component(inputs: Mapping[str, Any]) -> str:
    return str(inputs.get("tags", {}).get("Component", ""))


def _reads(holder: Holder, bucket: str) -> bool:
    """Return whether a holder can read objects in a bucket."""
    return any(
        one.level == "Contents" and one.resource.partition(":::")[2].startswith(f"{bucket}/")
        for one in holder_accesses(holder)
    )


def _host(rule: Mapping[str, Any]) -> str:
    return str(next(c["hostHeader"]["values"][0] for c in rule["conditions"] if "hostHeader" in c))


def _signs_in(rule: Mapping[str, Any]) -> bool:
    return bool(rule["actions"][0]["type"] == "authenticate-oidc")


def _trusted(role: Mapping[str, Any]) -> str:
    """Return who assumes a role, in a word or two."""
    principal = _principal(role)
    if "Federated" in principal:
        issuer = str(principal["Federated"]).partition("-provider/")[2].partition("/")[0]
        return _ISSUERS.get(issuer, issuer)
    return str(principal["Service"]).partition(".")[0]


def _principal(role: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"]
    return found
