"""Parking: if the marker says that the platform is parked, only the load balancer costs by the hour; if not, all runs.

The marker is a parameter. CI, the deployer and people rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack, Unjudgeable
from policies.rulebook.listener_rules import hosts
from policies.workloads.kinds import (
    DATABASE_CLUSTER,
    LISTENER_RULE,
    NAT_GATEWAY,
    PARAMETER,
    ROLE_POLICY,
    SERVICE,
)

RULES: Final = Rules()

_STATES: Final = ("parked", "unparked")
_STARTS: Final = '"ecs:RunTask"'
_PAUSES: Final = "serverlessv2ScalingConfiguration.minCapacity"


@RULES.stack(
    "half-parked",
    title="The parking marker and everything that parking turns off agree with the stack's setting.",
    remedy="Derive all of these from the one setting: the marker, `desiredCount` of the services, the NAT gateways, "
    "the database's `minCapacity`, the rules that answer 503 and the permissions to start a task.",
    source="https://docs.aws.amazon.com/wellarchitected/latest/cost-optimization-pillar/cost_decomissioning_resources.html",
    severity=Severity.HIGH,
    config={
        "marker": {
            "type": "string",
            "description": "Name of the parameter that says whether the platform is parked; empty if there is none",
            "default": "",
        },
        "setting": {
            "type": "string",
            "description": "Key of the stack's configuration that says so",
            "default": "parkMode",
        },
    },
)
def _half_parked(stack: Stack, judgement: Judgement) -> Iterator[Finding]:
    config = judgement.config
    if not config["marker"]:
        return
    markers = [parameter for parameter in stack.only(PARAMETER) if parameter.get("name") == config["marker"]]
    meant = judgement.settings.get(config["setting"], "")
    if meant not in _STATES or len(markers) != 1:
        yield Finding(
            f"There isn't exactly one parameter `{config['marker']}`, or the setting `{config['setting']}` is missing."
        )
        return
    if markers[0].get("insecureValue") != meant:
        yield Finding(f"`insecureValue` isn't the value of the setting `{config['setting']}`.", markers[0].urn)
    for resource in stack:
        try:
            problem = _problem(resource, parked=meant == "parked")
        except Unjudgeable as unjudgeable:
            problem = f"{unjudgeable}."
        if problem:
            yield Finding(problem, resource.urn)
    closed = {True: set[str](), False: set[str]()}
    for rule in stack.only(LISTENER_RULE):
        closed[_closes(rule)].update(hosts(rule))
    if closed[True] != (closed[False] if meant == "parked" else set()):
        yield Finding(
            "Rules answer 503 for the wrong hosts: a parked platform answers so for every host, a running one for none."
        )


def _problem(resource: Resource, *, parked: bool) -> str:
    """Return what contradicts the state of the platform in a resource, empty if nothing does."""
    if resource.type in SERVICE and (resource.number("desiredCount", 0) > 0) is parked:
        return "`desiredCount` isn't 0, but the platform is parked." if parked else "`desiredCount` is 0."
    if not parked:
        return ""
    if resource.type in NAT_GATEWAY:
        return "A parked platform has no NAT gateway."
    if resource.type in DATABASE_CLUSTER and resource.number(_PAUSES, -1) != 0:
        return f"`{_PAUSES}` isn't 0, so the database never pauses."
    if resource.type in ROLE_POLICY and _STARTS in resource.text("policy"):
        return "`policy` allows starting tasks, but the platform is parked."
    return ""


def _closes(rule: Resource) -> bool:
    return rule.get("actions.0.fixedResponse.statusCode") == "503"
