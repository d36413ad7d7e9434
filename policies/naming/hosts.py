"""Hosts: within the zone, and with the environment's label unless it is production.

Production: `portal.example.com`. Any other environment: `portal-dev.example.com`, or, if so configured,
`portal.dev.example.com`. Labels that begin with an underscore, and all labels before them, name services instead of
hosts (RFC 8552): `_acme.portal-dev...` is judged as `portal-dev...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.naming.environment import ENVIRONMENT, stack_environment
from policies.naming.physical_names import shown
from policies.rulebook import MAY_BE_UNKNOWN, UNKNOWN, Finding, Judgement, Resource, Rules, Severity, Unjudgeable

RULES: Final = Rules()

_LONGEST_HOST: Final = 253
_LONGEST_COMMENT: Final = 128

_CONFIG: Final[Mapping[str, Mapping[str, Any]]] = {
    **ENVIRONMENT,
    "zone": {
        "type": "string",
        "description": "DNS zone of all hosts; empty for `domain` in the configuration of the stack",
        "default": "",
    },
    "production": {
        "type": "string",
        "description": "Environment whose hosts carry no environment label",
        "default": "prod",
    },
    "host_style": {
        "type": "string",
        "enum": ["", "suffix", "subdomain"],
        "description": "How hosts carry the environment: `portal-dev.zone` (suffix) or `portal.dev.zone` (subdomain); "
        "empty for `hostStyle` in the configuration of the stack, or else suffix",
        "default": "",
    },
}

_ENDS: Final = {"suffix": "-{}.", "subdomain": ".{}."}
"""Style -> the text between a host's own label and the zone; the braces stand for the environment."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SERVICE: Final = r"(?:[a-z0-9_-]{1,63}\.)*_[a-z0-9_-]{1,62}\."


def _host_problem(host: str, judgement: Judgement, *, record: bool) -> str:
    """Return what is wrong with a host, empty if nothing is. A record may also be for the zone itself or a service."""
    environment, zone = stack_environment(judgement), _zone(judgement)
    production = environment == judgement.config["production"]
    if len(host) > _LONGEST_HOST:
        return f"is {len(host)} characters long; DNS allows {_LONGEST_HOST}"
    if host != zone and not host.endswith(f".{zone}"):
        return f"isn't in the zone `{zone}`"
    end = ("." if production else _ENDS[_style(judgement)].format(environment)) + zone
    host_pattern = _LABEL + re.escape(end)
    accepted = rf"(?:{_SERVICE})?{host_pattern}" if record else host_pattern
    if record and end.startswith("."):
        accepted += f"|{_SERVICE}{re.escape(end[1:])}"
    if re.fullmatch(accepted, host) or (record and production and host == zone):
        return ""
    # Two labels in production would read as another environment's host.
    return f"isn't of the form `host{end}`, lower case"


def _zone(judgement: Judgement) -> str:
    """Return the zone of the stack that is judged.

    Raises:
        Unjudgeable: neither the rule's configuration nor the stack's names one.
    """
    zone: str = judgement.config["zone"] or judgement.settings.get("domain", "")
    if not zone:
        raise Unjudgeable("zone", "isn't configured, and the stack's configuration has no `domain`")
    return zone


def _style(judgement: Judgement) -> str:
    """Return how the stack's hosts carry the environment, a key of `_ENDS`.

    Raises:
        Unjudgeable: the configuration has a style that isn't a key of `_ENDS`.
    """
    style: str = judgement.config["host_style"] or judgement.settings.get("hostStyle", "suffix")
    if style not in _ENDS:
        raise Unjudgeable("hostStyle", f"in the stack's configuration isn't {' or '.join(_ENDS)}")
    return style


@RULES.resource(
    "misnamed-record",
    title="DNS records are within the zone and carry the environment.",
    remedy="Name it in full: `host.zone` in production, `host-${environment}.zone` elsewhere "
    "(`host.${environment}.zone` where `host_style` is `subdomain`).",
    source="https://developers.cloudflare.com/dns/manage-dns-records/how-to/create-subdomain/",
    severity=Severity.HIGH,
    types=frozenset({"cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record"}),
    config=_CONFIG,
)
def _misnamed_record(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if resource.get("name") is UNKNOWN and _validates_a_certificate(resource):
        return
    name = resource.text("name")
    if problem := _host_problem(name, judgement, record=True):
        yield Finding(f"`name` {shown(name)} {problem}.")


def _validates_a_certificate(resource: Resource) -> bool:
    """Tell whether a record whose name is unknown can only be one that validates a certificate.

    ACM chooses the name and content of such a record, an unproxied CNAME. Its name is judged in the update, once it is
    known and before the record is created.
    """
    return (
        "name" in MAY_BE_UNKNOWN.get(resource.type, ())
        and resource.get("content") is UNKNOWN
        and resource.get("type") == "CNAME"
        and resource.get("proxied") is False
    )


@RULES.resource(
    "misnamed-distribution",
    title="Distributions serve hosts of the zone and the environment, and their comment names the environment.",
    remedy="Give it the aliases `host.zone` in production, `host-${environment}.zone` elsewhere "
    "(`host.${environment}.zone` where `host_style` is `subdomain`), "
    "and a comment such as `${environment} portal`.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html",
    severity=Severity.HIGH,
    types=frozenset({"aws:cloudfront/distribution:Distribution"}),
    config=_CONFIG,
)
def _misnamed_distribution(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    aliases = resource.parts("aliases")
    if not aliases:
        yield Finding("It has no `aliases`, so it can be reached only under a generated name.")
    for alias in aliases:
        if not isinstance(alias.value, str):
            yield Finding(f"{resource.refusal(alias.path, 'a string')}.")
        elif problem := _host_problem(alias.value, judgement, record=False):
            yield Finding(f"`{alias.path}` {shown(alias.value)} {problem}.")
    environment = stack_environment(judgement)
    label = re.compile(rf"{re.escape(environment)}[ -][a-z0-9][^\x00-\x1f]*")
    for path in ("comment", "tags.Name"):
        text = resource.text("comment") if path == "comment" else resource.text_or_none(path)
        if text is not None and (len(text) > _LONGEST_COMMENT or not label.fullmatch(text)):
            yield Finding(f"`{path}` isn't `{environment} ` or `{environment}-` followed by a name.")
