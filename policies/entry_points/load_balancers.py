"""Load balancers and their listeners: TLS, refusal by default, no ambiguous requests, and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.entry_points.hosts import origin_balancers
from policies.entry_points.kinds import DISTRIBUTION, LISTENER, LOAD_BALANCER
from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each
from policies.rulebook.production import PRODUCTION, is_production

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"


@RULES.resource(
    "listener-without-tls",
    title="Load balancers listen for HTTPS on port 443 only.",
    remedy="Make it HTTPS on 443, or remove it: CloudFront reaches the origin in no other way, "
    "and sign-ins need an HTTPS listener.",
    source=_GUIDE + "create-https-listener.html",
    severity=Severity.HIGH,
    types=LISTENER,
)
def _plain(listener: Resource, _: Judgement) -> Iterator[Finding]:
    if listener.text("protocol") != "HTTPS" or listener.get("port") != 443:
        yield Finding("It isn't an HTTPS listener on port 443.")


@RULES.resource(
    "weak-listener-tls",
    title="Listeners use a current TLS policy.",
    remedy="Set `sslPolicy` to `ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09`, which AWS recommends.",
    source=_GUIDE + "describe-ssl-policies.html",
    severity=Severity.HIGH,
    types=LISTENER,
    config={
        "policies": {
            "type": "array",
            "items": {"type": "string"},
            # No policy for TLS 1.3 only is among them: CloudFront uses 1.2 to reach origins.
            "description": "Accepted TLS policies",
            "default": [
                "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
                "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
                "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
            ],
        }
    },
)
def _weak_tls(listener: Resource, judgement: Judgement) -> Iterator[Finding]:
    policy = listener.text_or_none("sslPolicy")
    if policy is None:
        yield Finding("It has no `sslPolicy`, so AWS uses one of 2016.")
    elif policy not in judgement.config["policies"]:
        yield Finding("`sslPolicy` isn't among the accepted ones.")


@RULES.resource(
    "open-default-action",
    title="A listener refuses requests that none of its rules matches.",
    remedy="Make the default action a `fixed-response` with status 403, and give each application a rule.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
    severity=Severity.CRITICAL,
    types=LISTENER,
)
def _open_default(listener: Resource, _: Judgement) -> Iterator[Finding]:
    actions = listener.parts("defaultActions")
    refuses = (
        len(actions) == 1
        and actions[0].text("type") == "fixed-response"
        and actions[0].text("fixedResponse.statusCode") == "403"
    )
    if not refuses:
        yield Finding("Requests that no rule matches aren't refused with 403.")


@RULES.resource(
    "invalid-headers-kept",
    title="Load balancers drop headers with invalid names.",
    remedy="Set `dropInvalidHeaderFields` to true: an application may take `x_amzn_oidc_data` for the real header.",
    source=_GUIDE + "edit-load-balancer-attributes.html",
    severity=Severity.HIGH,
    types=LOAD_BALANCER,
)
def _keeps_invalid_headers(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    if _is_application(balancer) and not balancer.flag("dropInvalidHeaderFields", default=False):
        yield Finding("`dropInvalidHeaderFields` isn't true.")


@RULES.resource(
    "lax-load-balancer",
    title="Load balancers are strict with ambiguous requests, and refuse requests that the firewall can't check.",
    remedy="Set `desyncMitigationMode` to `strictest` or `defensive`, and leave out `enableWafFailOpen`.",
    source=_GUIDE + "edit-load-balancer-attributes.html#desync-mitigation-mode",
    severity=Severity.MEDIUM,
    types=LOAD_BALANCER,
)
def _lax(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    if balancer.text_or_none("desyncMitigationMode") not in (None, "defensive", "strictest"):
        yield Finding("`desyncMitigationMode` is neither `defensive` nor `strictest`.")
    if balancer.flag("enableWafFailOpen", default=False):
        yield Finding("`enableWafFailOpen` lets requests through while the firewall can't be reached.")


@RULES.resource(
    "unprotected-load-balancer",
    title="A production load balancer can't be deleted by mistake.",
    remedy="Set `enableDeletionProtection` to true.",
    source=_GUIDE + "edit-load-balancer-attributes.html#deletion-protection",
    severity=Severity.MEDIUM,
    types=LOAD_BALANCER,
    config=PRODUCTION,
)
def _unprotected(balancer: Resource, judgement: Judgement) -> Iterator[Finding]:
    if is_production(judgement) and not balancer.flag("enableDeletionProtection", default=False):
        yield Finding("`enableDeletionProtection` isn't true.")


@RULES.resource(
    "load-balancer-not-logged",
    title="Load balancers log requests and connections.",
    remedy="Set `accessLogs` and `connectionLogs` with a bucket and `enabled` true, which is false by default.",
    source=_GUIDE + "load-balancer-access-logs.html",
    severity=Severity.MEDIUM,
    types=LOAD_BALANCER,
)
def _not_logged(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    for logs in ("accessLogs", "connectionLogs") if _is_application(balancer) else ("accessLogs",):
        # Naming a bucket doesn't turn logging on.
        if not balancer.mapping(logs) or not balancer.flag(f"{logs}.enabled", default=False):
            yield Finding(f"`{logs}.enabled` isn't true.")
        elif not balancer.text(f"{logs}.bucket"):
            yield Finding(f"`{logs}.bucket` is empty.")


def _is_application(balancer: Resource) -> bool:
    return balancer.text_or_none("loadBalancerType") in (None, "application")


@RULES.stack(
    "other-load-balancer",
    title="Only the load balancer behind the distributions faces the internet.",
    remedy="Set `internal` to true, or point the distributions' origin record to it.",
    source=_GUIDE + "application-load-balancers.html#load-balancer-scheme",
    severity=Severity.HIGH,
)
@for_each(LOAD_BALANCER)
def _other_balancer(stack: Stack, balancer: Resource, _: Judgement) -> Iterator[str]:
    if balancer.get("internal") is True:
        return
    if not any(balancer in origin_balancers(stack, distribution) for distribution in stack.only(DISTRIBUTION)):
        yield "It faces the internet, but no distribution's origin leads to it."
