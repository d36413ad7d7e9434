"""Load balancers, listeners, their rules and target groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from policies.acceptance.together.reading import (
    block,
    blocks,
    given,
    number,
    own_region,
    repeated,
    text,
    texts,
    uncertain,
)
from policies.rulebook import UNKNOWN, Json, Resource

_API: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference"
_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application"

_SETTINGS: Final = {
    "forward": ("targetGroupArn", "forward"),
    "redirect": ("redirect",),
    "fixed-response": ("fixedResponse",),
    "authenticate-oidc": ("authenticateOidc",),
    "authenticate-cognito": ("authenticateCognito",),
    "jwt-validation": ("jwtValidation",),
}
"""Type of an action -> the properties of which it needs one."""

_TIMEOUT: Final = 5
"""Default timeout of a health check over HTTP, in seconds."""

_LAST: Final = frozenset({"forward", "redirect", "fixed-response"})
_SINGLE: Final = ("hostHeader", "pathPattern", "httpRequestMethod", "sourceIp")
"""Conditions that a rule can have only once."""

_CONDITIONS: Final = (*_SINGLE, "httpHeader", "queryStrings")
_SECURE: Final = ("HTTPS", "TLS")


def _actions(path: str, actions: Sequence[Mapping[str, Json]], all_known: bool) -> Iterator[str]:
    for index, action in enumerate(actions):
        kind = text(action, "type")
        if kind not in _SETTINGS:
            continue
        if not any(given(action, key) for key in _SETTINGS[kind]):
            yield f"`{path}.{index}` is {kind}, but has no `{'` or `'.join(_SETTINGS[kind])}` ({_API}/API_Action.html)."
        others = {key for one, keys in _SETTINGS.items() if one != kind for key in keys}
        for other in sorted(key for key in others if given(action, key)):
            yield f"`{path}.{index}` is {kind}, but has `{other}` ({_API}/API_Action.html)."
        redirect = block(action, "redirect")
        if redirect and not any(given(redirect, key) for key in ("host", "path", "port", "protocol", "query")):
            yield (
                f"`{path}.{index}.redirect` changes no part of the address, so it would redirect for ever "
                f"({_API}/API_RedirectActionConfig.html)."
            )
        forward = block(action, "forward")
        groups = blocks(forward, "targetGroups")
        own = text(action, "targetGroupArn")
        if own and groups and [text(group, "arn") for group in groups] != [own]:
            yield (f"`{path}.{index}` has a `targetGroupArn` and a `forward` to other groups ({_API}/API_Action.html).")
        stickiness = block(forward, "stickiness")
        if stickiness.get("enabled") is True and not given(stickiness, "duration"):
            yield (
                f"`{path}.{index}.forward.stickiness` is enabled, but has no `duration` "
                f"({_API}/API_TargetGroupStickinessConfig.html)."
            )
        if len(groups) > 1 and any(group.get("weight") is None for group in groups):
            yield (
                f"`{path}.{index}.forward` has several groups, but not all have a `weight` "
                f"({_API}/API_TargetGroupTuple.html)."
            )
    orders = [order for action in actions if (order := number(action, "order")) is not None]
    for order in repeated(orders):
        yield f"`{path}` has two actions with the order {order:g} ({_API}/API_Action.html)."
    kinds = [text(action, "type") for action in sorted(actions, key=lambda action: number(action, "order") or 0)]
    if (
        all_known
        and kinds
        and None not in kinds
        and [kind in _LAST for kind in kinds] != [False] * (len(kinds) - 1) + [True]
    ):
        yield f"`{path}` doesn't end with its only forward, redirect or fixed-response ({_API}/API_CreateRule.html)."


def _listener(resource: Resource) -> Iterator[str]:
    known = not uncertain(resource, "defaultActions")
    actions = blocks(resource.properties, "defaultActions")
    yield from _actions("defaultActions", actions, known)
    protocol = text(resource.properties, "protocol")
    secure = protocol in _SECURE
    if secure and not given(resource.properties, "certificateArn"):
        yield f"`protocol` is {protocol}, but there is no `certificateArn` ({_API}/API_CreateListener.html)."
    for key in ("certificateArn", "sslPolicy", "mutualAuthentication"):
        if protocol and not secure and given(resource.properties, key):
            yield (
                f"`protocol` is {protocol}, but there is a `{key}`, which only HTTPS and TLS accept "
                f"({_API}/API_CreateListener.html)."
            )
    if protocol and protocol != "TLS" and given(resource.properties, "alpnPolicy"):
        yield (
            f"`protocol` is {protocol}, but there is an `alpnPolicy`, which only TLS accepts "
            f"({_API}/API_CreateListener.html)."
        )
    if protocol == "HTTP" and any((text(action, "type") or "").startswith("authenticate-") for action in actions):
        yield f"`defaultActions` sign users in, which needs HTTPS ({_GUIDE}/listener-authenticate-users.html)."
    if protocol in ("HTTP", "HTTPS") and not given(resource.properties, "port"):
        yield f"`protocol` is {protocol}, but there is no `port` ({_API}/API_CreateListener.html)."
    for index, action in enumerate(actions):
        if protocol == "HTTPS" and text(block(action, "redirect"), "protocol") == "HTTP":
            yield (
                f"`defaultActions.{index}.redirect` goes from HTTPS to HTTP, which is refused "
                f"({_API}/API_RedirectActionConfig.html)."
            )
    certificate, region = text(resource.properties, "certificateArn"), own_region(resource)
    if certificate and certificate.startswith("arn:") and region and certificate.split(":")[3] not in ("", region):
        yield f"`certificateArn` isn't in the listener's Region, {region} ({_API}/API_CreateListener.html)."
    yield from _mutual(block(resource.properties, "mutualAuthentication"))


def _mutual(mutual: Mapping[str, Json]) -> Iterator[str]:
    for key in ("advertiseTrustStoreCaNames", "ignoreClientCertificateExpiry"):
        if mutual.get(key) in (True, "on") and text(mutual, "mode") != "verify":
            yield (
                f"`mutualAuthentication.{key}` is on, which needs the mode verify "
                f"({_API}/API_MutualAuthenticationAttributes.html)."
            )
    if mutual and (text(mutual, "mode") == "verify") != given(mutual, "trustStoreArn"):
        yield (
            "`mutualAuthentication` has a trust store without the mode verify, or verify without a trust store "
            f"({_API}/API_MutualAuthenticationAttributes.html)."
        )


def _rule(resource: Resource) -> Iterator[str]:
    yield from _actions("actions", blocks(resource.properties, "actions"), not uncertain(resource, "actions"))
    conditions = blocks(resource.properties, "conditions")
    if not conditions and not uncertain(resource, "conditions"):
        yield f"`conditions` is empty; a rule needs at least one ({_API}/API_CreateRule.html)."
    kinds = [[key for key in _CONDITIONS if condition.get(key) is not None] for condition in conditions]
    for index, present in enumerate(kinds):
        if len(present) != 1:
            yield (
                f"`conditions.{index}` has {len(present)} kinds of condition; it can have one "
                f"({_API}/API_RuleCondition.html)."
            )
    for kind in repeated(key for present in kinds for key in present if key in _SINGLE):
        yield f"`conditions` has `{kind}` twice; use one with several values ({_API}/API_CreateRule.html)."
    for index, condition in enumerate(conditions):
        if (text(block(condition, "httpHeader"), "httpHeaderName") or "").lower() == "host":
            yield (
                f"`conditions.{index}.httpHeader` names the host header; use `hostHeader` for it "
                f"({_API}/API_HttpHeaderConditionConfig.html)."
            )
        for key in _CONDITIONS[:-1]:
            setting = condition.get(key)
            if isinstance(setting, Mapping) and not given(setting, "values") and not given(setting, "regexValues"):
                yield f"`conditions.{index}.{key}` has no values ({_API}/API_RuleCondition.html)."
            if isinstance(setting, Mapping) and given(setting, "values") and given(setting, "regexValues"):
                yield (
                    f"`conditions.{index}.{key}` has both `values` and `regexValues`; set only one of them "
                    f"({_API}/API_RuleCondition.html)."
                )


def _balancer(resource: Resource) -> Iterator[str]:
    kind = text(resource.properties, "loadBalancerType") or "application"
    subnets = resource.get("subnets", resource.get("subnetMappings"))
    if kind == "application" and isinstance(subnets, list) and UNKNOWN not in subnets and len(subnets) < 2:
        yield (
            "`subnets` has fewer than two entries, but an application load balancer needs two "
            f"({_API}/API_CreateLoadBalancer.html)."
        )
    if given(resource.properties, "subnets") and given(resource.properties, "subnetMappings"):
        yield (
            f"`subnets` and `subnetMappings` are both set; set only one of them ({_API}/API_CreateLoadBalancer.html)."
        )
    if text(resource.properties, "ipAddressType") == "dualstack-without-public-ipv4" and (
        kind != "application" or resource.get("internal") is True
    ):
        yield (
            "`ipAddressType` is dualstack-without-public-ipv4, which only application load balancers that face the "
            f"internet accept ({_API}/API_CreateLoadBalancer.html)."
        )
    for name in repeated(texts(resource.properties, "subnets")):
        yield f"`subnets` has {name} twice; it accepts one for each zone ({_API}/API_CreateLoadBalancer.html)."
    for key in ("accessLogs", "connectionLogs"):
        logs = block(resource.properties, key)
        if logs.get("enabled") is True and not given(logs, "bucket"):
            yield f"`{key}` is enabled, but has no `bucket` ({_API}/API_LoadBalancerAttribute.html)."


def _targets(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    kind = text(inputs, "targetType") or "instance"
    protocol = text(inputs, "protocol")
    for key in ("port", "protocol", "vpcId"):
        if kind != "lambda" and not given(inputs, key):
            yield f"`targetType` is {kind}, but there is no `{key}` ({_API}/API_CreateTargetGroup.html)."
        if kind == "lambda" and given(inputs, key):
            yield f"`targetType` is lambda, but there is a `{key}` ({_API}/API_CreateTargetGroup.html)."
    if given(inputs, "protocolVersion") and protocol not in ("HTTP", "HTTPS", None):
        yield (
            f"`protocolVersion` is set for {protocol}; only HTTP and HTTPS have one "
            f"({_API}/API_CreateTargetGroup.html)."
        )
    yield from _health(kind, protocol, text(inputs, "protocolVersion"), block(inputs, "healthCheck"))
    stickiness = block(inputs, "stickiness")
    if text(stickiness, "type") == "app_cookie" and not given(stickiness, "cookieName"):
        yield f"`stickiness` is app_cookie, but has no `cookieName` ({_API}/API_TargetGroupAttribute.html)."
    if text(stickiness, "type") in ("lb_cookie", "app_cookie") and protocol not in ("HTTP", "HTTPS", None):
        yield f"`stickiness` is by cookie, which {protocol} doesn't have ({_API}/API_TargetGroupAttribute.html)."
    if (text(stickiness, "type") or "").startswith("source_ip") and protocol in ("HTTP", "HTTPS"):
        yield f"`stickiness` is by address; {protocol} needs a cookie ({_API}/API_TargetGroupAttribute.html)."
    algorithm = text(inputs, "loadBalancingAlgorithmType") or "round_robin"
    if given(inputs, "slowStart") and (algorithm != "round_robin" or protocol not in ("HTTP", "HTTPS", None)):
        yield (
            "`slowStart` needs a target group for HTTP or HTTPS and the algorithm round_robin "
            f"({_GUIDE}/edit-target-group-attributes.html)."
        )
    if (
        text(inputs, "loadBalancingAnomalyMitigation") == "on"
        and text(inputs, "loadBalancingAlgorithmType") != "weighted_random"
    ):
        yield (
            "`loadBalancingAnomalyMitigation` is on, which needs the algorithm weighted_random "
            f"({_API}/API_TargetGroupAttribute.html)."
        )


def _health(kind: str, protocol: str | None, version: str | None, check: Mapping[str, Json]) -> Iterator[str]:
    timeout, interval = number(check, "timeout"), number(check, "interval")
    if timeout is not None and timeout >= (30 if interval is None else interval):
        yield f"`healthCheck.timeout` isn't shorter than its interval ({_API}/API_CreateTargetGroup.html)."
    own = text(check, "protocol")
    if own == "TCP" and given(check, "path"):
        yield f"`healthCheck` is over TCP, but has a `path` ({_API}/API_CreateTargetGroup.html)."
    if own == "TCP" and protocol in ("HTTP", "HTTPS"):
        yield (
            f"`healthCheck` is over TCP; a group for {protocol} needs HTTP or HTTPS "
            f"({_API}/API_CreateTargetGroup.html)."
        )
    if own not in ("HTTP", "HTTPS", "TCP", None):
        yield (
            f"`healthCheck.protocol` is {own}; health checks use HTTP, HTTPS or TCP "
            f"({_API}/API_CreateTargetGroup.html)."
        )
    grpc = version == "GRPC"
    for first, last in re.findall(r"(\d+)-(\d+)", text(check, "matcher") or ""):
        if int(first) > int(last):
            yield f"`healthCheck.matcher` has {first}-{last}, which isn't a range ({_API}/API_Matcher.html)."
    for code in re.findall(r"\d+", text(check, "matcher") or ""):
        if protocol in ("HTTP", "HTTPS") and not (int(code) <= 99 if grpc else 200 <= int(code) <= 499):
            yield (
                f"`healthCheck.matcher` has {code}; {'GRPC accepts 0 to 99' if grpc else 'HTTP accepts 200 to 499'} "
                f"({_API}/API_Matcher.html)."
            )
    if timeout is None and own in ("HTTP", "HTTPS", None) and protocol in ("HTTP", "HTTPS") and interval == _TIMEOUT:
        yield (
            f"`healthCheck.interval` is {_TIMEOUT}, but must be longer than the timeout, whose default is {_TIMEOUT} "
            f"({_API}/API_CreateTargetGroup.html)."
        )
    if check.get("enabled") is False and kind != "lambda":
        yield f"`healthCheck.enabled` is false, which only a lambda group accepts ({_API}/API_CreateTargetGroup.html)."


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    f"aws:{module}/{name}": checks
    for module in ("lb", "alb")
    for name, checks in {
        "listener:Listener": (_listener,),
        "listenerRule:ListenerRule": (_rule,),
        "loadBalancer:LoadBalancer": (_balancer,),
        "targetGroup:TargetGroup": (_targets,),
    }.items()
}
"""Resource type -> its checks."""
