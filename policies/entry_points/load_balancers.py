"""Load balancers and their listeners: TLS, a refusal by default, nothing that confuses, and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.entry_points.kinds import LISTENER, LOAD_BALANCER
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"


def _plain(listener: Resource, _: Judgement) -> Iterator[Finding]:
    if listener.text("protocol") != "HTTPS" or listener.get("port") != 443:
        yield Finding("It isn't an HTTPS listener on port 443.")


def _weak_tls(listener: Resource, judgement: Judgement) -> Iterator[Finding]:
    policy = listener.text_or_none("sslPolicy")
    if policy is None:
        yield Finding("It has no `sslPolicy`, so that AWS takes one of 2016.")
    elif policy not in judgement.config["policies"]:
        yield Finding("`sslPolicy` isn't among the accepted ones.")


def _open_default(listener: Resource, _: Judgement) -> Iterator[Finding]:
    actions = listener.items("defaultActions")
    refuses = (
        len(actions) == 1
        and listener.text("defaultActions.0.type") == "fixed-response"
        and listener.text("defaultActions.0.fixedResponse.statusCode") == "403"
    )
    if not refuses:
        yield Finding("What no rule matches isn't refused with 403.")


def _keeps_invalid_headers(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    if _is_application(balancer) and not balancer.flag("dropInvalidHeaderFields", False):
        yield Finding("`dropInvalidHeaderFields` isn't true.")


def _lax(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    if balancer.text_or_none("desyncMitigationMode") not in (None, "defensive", "strictest"):
        yield Finding("`desyncMitigationMode` is neither `defensive` nor `strictest`.")
    if balancer.flag("enableWafFailOpen", False):
        yield Finding("`enableWafFailOpen` lets requests through while the firewall can't be asked.")


def _unprotected(balancer: Resource, judgement: Judgement) -> Iterator[Finding]:
    protected = not judgement.stack or judgement.stack in judgement.config["environments"]
    if protected and not balancer.flag("enableDeletionProtection", False):
        yield Finding("`enableDeletionProtection` isn't true.")


def _not_logged(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    for logs in ("accessLogs", "connectionLogs") if _is_application(balancer) else ("accessLogs",):
        # A bucket alone turns nothing on.
        if not balancer.mapping(logs) or not balancer.flag(f"{logs}.enabled", False):
            yield Finding(f"`{logs}.enabled` isn't true.")
        elif not balancer.text(f"{logs}.bucket"):
            yield Finding(f"`{logs}.bucket` is empty.")


def _is_application(balancer: Resource) -> bool:
    return balancer.text_or_none("loadBalancerType") in (None, "application")


RULES: Final = (
    Rule(
        id="listener-without-tls",
        title="Load balancers listen for HTTPS on port 443 only.",
        remedy="Make it HTTPS on 443, or remove it: CloudFront speaks nothing else to the origin, "
        "and sign-ins work on no other listener.",
        source=_GUIDE + "create-https-listener.html",
        severity=Severity.HIGH,
        check=_plain,
        types=LISTENER,
    ),
    Rule(
        id="weak-listener-tls",
        title="Listeners take a current TLS policy.",
        remedy="Set `sslPolicy` to `ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09`, which AWS recommends.",
        source=_GUIDE + "describe-ssl-policies.html",
        severity=Severity.HIGH,
        check=_weak_tls,
        types=LISTENER,
        config={
            "policies": {
                "type": "array",
                "items": {"type": "string"},
                # TLS 1.3 alone isn't among them: CloudFront speaks 1.2 to origins.
                "description": "Accepted TLS policies",
                "default": [
                    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
                    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
                    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
                ],
            }
        },
    ),
    Rule(
        id="open-default-action",
        title="A listener refuses what none of its rules matches.",
        remedy="Make the default action a `fixed-response` with status 403, and give each application a rule.",
        source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
        severity=Severity.CRITICAL,
        check=_open_default,
        types=LISTENER,
    ),
    Rule(
        id="invalid-headers-kept",
        title="Load balancers drop headers with invalid names.",
        remedy="Set `dropInvalidHeaderFields` to true: an application may take `x_amzn_oidc_data` for the real one.",
        source=_GUIDE + "edit-load-balancer-attributes.html",
        severity=Severity.HIGH,
        check=_keeps_invalid_headers,
        types=LOAD_BALANCER,
    ),
    Rule(
        id="lax-load-balancer",
        title="Load balancers turn doubtful requests away.",
        remedy="Set `desyncMitigationMode` to `strictest` or `defensive`, and leave `enableWafFailOpen` away.",
        source=_GUIDE + "edit-load-balancer-attributes.html#desync-mitigation-mode",
        severity=Severity.MEDIUM,
        check=_lax,
        types=LOAD_BALANCER,
    ),
    Rule(
        id="unprotected-load-balancer",
        title="A production load balancer can't be deleted by mistake.",
        remedy="Set `enableDeletionProtection` to true.",
        source=_GUIDE + "edit-load-balancer-attributes.html#deletion-protection",
        severity=Severity.MEDIUM,
        check=_unprotected,
        types=LOAD_BALANCER,
        config={
            "environments": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Stacks whose load balancers are protected",
                "default": ["prod"],
            }
        },
    ),
    Rule(
        id="load-balancer-not-logged",
        title="Load balancers log requests and connections.",
        remedy="Set `accessLogs` and `connectionLogs` with a bucket and `enabled`, which is false unless it is set.",
        source=_GUIDE + "load-balancer-access-logs.html",
        severity=Severity.MEDIUM,
        check=_not_logged,
        types=LOAD_BALANCER,
    ),
)
