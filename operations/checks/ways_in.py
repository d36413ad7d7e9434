"""Checks for other ways to the applications, created by hand or by another stack, which no plan shows.

Everything that leads to the stack's hosts, load balancer or targets and isn't in its state is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from operations.aws import BalancerClient, PagedClient, calls
from operations.checks.stored_values import MADE_LATER
from operations.engine_state import EngineState
from operations.stack import Stack
from operations.verdicts import Check, Verdict
from stackfiles.failures import BadConfiguration, Failure

if TYPE_CHECKING:
    from mypy_boto3_cloudfront import CloudFrontClient

DISTRIBUTIONS: Final = Check("ways-in/distributions", "other distributions")
LISTENERS: Final = Check("ways-in/listeners", "other listeners and rules")
SECURITY_GROUPS: Final = Check("ways-in/security-groups", "other ways through the firewall")
TARGETS: Final = Check("ways-in/targets", "other load balancers on the targets")

Find = Callable[[EngineState], Iterator[str]]
"""A function that looks for other ways: it yields a description of each, and may raise `Failure`."""

BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_LISTENER: Final = "aws:lb/listener:Listener"
_RULE: Final = "aws:lb/listenerRule:ListenerRule"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"

_REMEDY: Final = "not in the stack's state; delete it, or add it to the program"


def check_ways(check: Check, find: Find, state: EngineState | None, needed: str = "") -> Verdict:
    """Look for other ways; if that isn't possible, the verdict is undecided, with the reason.

    Args:
        check: The check.
        find: The function that looks for them.
        state: The stack's state, None if it can't be read.
        needed: Type of the resource without which there is nothing to check yet.

    Raises:
        BadConfiguration: AWS doesn't accept the credentials.
    """
    if state is None:
        return check.undecided("not checked, because the state, which tells what belongs to the stack, can't be read")
    if needed and not state.ids(needed):
        return check.undecided(MADE_LATER)
    try:
        with calls(check.subject):
            found = list(find(state))
    except BadConfiguration:
        raise
    except Failure as failure:
        return check.undecided(f"not checked, because {str(failure).removeprefix(f'{check.subject}: ')}")
    if found:
        return check.failed(f"{'; '.join(found)}: {_REMEDY}")
    return check.passed("none but the stack's own")


def other_distributions(stack: Stack, client: CloudFrontClient, state: EngineState) -> Iterator[str]:
    """Yield the account's other distributions that serve a host of the stack, or have its origin.

    Source: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html
    """
    own = state.ids(_DISTRIBUTION)
    for page in client.get_paginator("list_distributions").paginate():
        for entry in page["DistributionList"].get("Items", ()):
            aliases = entry["Aliases"].get("Items", ())
            hosts = [host for host in stack.hosts.values() if any(fnmatchcase(host, alias) for alias in aliases)]
            origins = [origin["DomainName"] for origin in entry["Origins"]["Items"]]
            if entry["Id"] not in own and (hosts or stack.origin in origins):
                yield f"{entry['Id']} leads to {', '.join(hosts) or stack.origin}"


def other_listeners(client: PagedClient, state: EngineState) -> Iterator[str]:
    """Yield the load balancer's listeners, and the rules of its own listeners, that the stack didn't create.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
    """
    for balancer in sorted(state.ids(BALANCER)):
        for listener in _items(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer):
            arn = listener["ListenerArn"]
            if arn not in state.ids(_LISTENER):
                yield f"a listener on {listener['Protocol']}:{listener['Port']}"
                continue
            for rule in _items(client, "describe_rules", "Rules", ListenerArn=arn):
                if not rule["IsDefault"] and rule["RuleArn"] not in state.ids(_RULE):
                    yield f"rule {rule['Priority']} of the listener on port {listener['Port']}"


def other_openings(balancers: PagedClient, network: PagedClient, state: EngineState) -> Iterator[str]:
    """Yield the load balancer's security groups, and ingress rules of its own groups, that the stack didn't create.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
    """
    arns = sorted(state.ids(BALANCER))
    found = _items(balancers, "describe_load_balancers", "LoadBalancers", LoadBalancerArns=arns)
    groups = {group for balancer in found for group in balancer.get("SecurityGroups", ())}
    yield from (f"security group {group}" for group in sorted(groups - state.ids(_GROUP)))
    own = sorted(groups & state.ids(_GROUP))
    filters = [{"Name": "group-id", "Values": own}]
    for rule in _items(network, "describe_security_group_rules", "SecurityGroupRules", Filters=filters) if own else ():
        if not rule["IsEgress"] and rule["SecurityGroupRuleId"] not in state.ids(_INGRESS):
            yield f"rule {rule['SecurityGroupRuleId']} of {rule['GroupId']}"


def other_balancers(client: BalancerClient, state: EngineState) -> Iterator[str]:
    """Yield other load balancers that lead to the stack's target groups, and other target groups with its targets.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html
    """
    own = state.ids(_TARGET_GROUP)
    groups = list(_items(client, "describe_target_groups", "TargetGroups"))
    targets = {group["TargetGroupArn"]: _targets(client, group["TargetGroupArn"]) for group in groups}
    ours = {target for arn in own & targets.keys() for target in targets[arn]}
    for group in groups:
        arn = group["TargetGroupArn"]
        if arn in own:
            yield from (
                f"{_name(balancer)} leads to {group['TargetGroupName']}"
                for balancer in group["LoadBalancerArns"]
                if balancer not in state.ids(BALANCER)
            )
        elif targets[arn] & ours:
            yield f"target group {group['TargetGroupName']} has the same targets"


def _targets(client: BalancerClient, group: str) -> set[str]:
    """Return the ids of a target group's targets: addresses, instances or functions."""
    health = client.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {entry["Target"]["Id"] for entry in health}


def _items(client: PagedClient, operation: str, member: str, **given: object) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(**given):
        yield from page[member]


def _name(balancer: str) -> str:
    """Return a load balancer's name from its ARN (`…:loadbalancer/app/NAME/ID`)."""
    return balancer.split("/")[-2] if balancer.count("/") > 1 else balancer
