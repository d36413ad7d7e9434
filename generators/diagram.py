"""The diagram of the stack, as Mermaid and as SVG, from the resources of a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final


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
class Stack:
    """What the diagram shows: the path of each host, and groups of names beside it."""

    paths: Sequence[Path]
    groups: Mapping[str, Sequence[str]]


def read_stack(resources: Sequence[Mapping[str, Any]]) -> Stack:
    """Read a plan's resources (type and inputs).

    Raises:
        LookupError: a host of a distribution has no record, rule or target group in the plan.
    """

    def inputs(kind: str) -> list[Mapping[str, Any]]:
        return [resource["inputs"] for resource in resources if resource["type"] == kind]

    rules = {_host(rule): rule for rule in inputs("aws:lb/listenerRule:ListenerRule") if _signs_in(rule)}
    # A target group's name ends in a mark of what makes AWS replace it.
    targets = {group["name"].rpartition("-")[0]: group for group in inputs("aws:lb/targetGroup:TargetGroup")}
    services = {
        rule["fromPort"]: rule["description"]
        for rule in inputs("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        if "referencedSecurityGroupId" in rule
    }
    proxied = {record["name"] for record in inputs("cloudflare:index/dnsRecord:DnsRecord") if record["proxied"]}
    paths = []
    for distribution in inputs("aws:cloudfront/distribution:Distribution"):
        for host in distribution["aliases"]:
            # Comment and target group carry the same environment and label: `prod portal`, `prod-portal-MARK`.
            target = targets[distribution["comment"].replace(" ", "-")]
            if host not in proxied:
                raise LookupError(f"{host} has no proxied record")
            paths.append(
                Path(
                    host,
                    distribution["comment"],
                    distribution["origins"][0]["domainName"],
                    rules[host]["actions"][0]["authenticateOidc"]["issuer"],
                    services[target["port"]],
                    target["name"],
                    int(target["port"]),
                )
            )
    return Stack(
        paths,
        {
            "Secrets": [secret["name"] for secret in inputs("aws:secretsmanager/secret:Secret")],
            "Parameters": [parameter["name"] for parameter in inputs("aws:ssm/parameter:Parameter")],
            "Buckets": [bucket["bucket"] for bucket in inputs("aws:s3/bucket:Bucket")],
            "Roles": [f"{role['name']} ({_trusted(role)})" for role in inputs("aws:iam/role:Role")],
        },
    )


def mermaid(stack: Stack) -> str:
    """Return the diagram as a Mermaid flowchart."""
    lines = ["flowchart LR", "  browser([Browser])"]
    for index, path in enumerate(stack.paths):
        lines += [
            f'  browser --> cloudflare{index}["Cloudflare<br>{path.host}<br>proxied, never cached"]',
            f'  cloudflare{index} --> cloudfront{index}["CloudFront<br>{path.distribution}<br>adds the header secret"]',
            f"  cloudfront{index} -- {path.origin} --> balancer",
            f'  balancer -- "header, then sign-in" --> target{index}["{path.service}<br>{path.target}:{path.port}"]',
        ]
    lines.append('  balancer["Load balancer<br>403 without the header secret"]')
    lines += [
        f'  balancer <-- OIDC --> kinde(["{issuer}"])' for issuer in sorted({path.issuer for path in stack.paths})
    ]
    for title, names in stack.groups.items():
        lines += [f"  subgraph {title}", f'    {title.lower()}["{"<br>".join(names)}"]', "  end"]
    return "\n".join(lines) + "\n"


_WIDTH: Final = 1200
_LINE: Final = 17
_TALL: Final = 76
_ROW: Final = 108
_TOP: Final = 92
_BROWSER: Final = (20, 92)
_RECORD: Final = (166, 228)
_DISTRIBUTION: Final = (448, 186)
_BALANCER: Final = (726, 224)
_TARGET: Final = (1022, 158)
"""Left edge and width of each column."""
_LANES: Final = ((20, 340, ("Secrets", "Buckets")), (380, 360, ("Parameters",)), (760, 420, ("Roles",)))
"""Left edge, width and lists of each lane below."""
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1a2733}.h{font-size:12px;fill:#51606d;letter-spacing:.04em}"
    ".t{font-weight:600}.s{font-size:12px;fill:#51606d}.l{font-size:11px;fill:#3d6f94;text-anchor:middle}"
    ".m{font:12px ui-monospace,monospace}.b{fill:#fff;stroke:#8fa3b5;rx:8}.g{fill:#e3eef6;stroke:#3d6f94;rx:8}"
    ".a{stroke:#3d6f94;stroke-width:1.6;fill:none;marker-end:url(#p)}.both{marker-start:url(#p)}"
)


def svg(stack: Stack) -> str:
    """Return the diagram as an SVG picture: the entry points as a row per host, the rest as lists below."""
    tall = (len(stack.paths) - 1) * _ROW + _TALL
    columns = {_RECORD: "Cloudflare", _DISTRIBUTION: "CloudFront", _BALANCER: "Load balancer", _TARGET: "Service"}
    parts = [f'<text class="h" x="{left}" y="{_TOP - 14}">{title}</text>' for (left, _), title in columns.items()]
    parts.append(_box(_BROWSER, _TOP, tall, "Browser", []))
    origin, issuer = stack.paths[0].origin, stack.paths[0].issuer.removeprefix("https://")
    steps = ["1  403 without the secret", "2  sign-in, then a session", "3  forward, by host"]
    parts.append(_box(_BALANCER, _TOP, tall, origin, steps, "g"))
    for index, path in enumerate(stack.paths):
        top = _TOP + index * _ROW
        parts += [
            _box(_RECORD, top, _TALL, path.host, ["proxied record", "never cached"]),
            _box(_DISTRIBUTION, top, _TALL, path.distribution, ["distribution", "adds the header secret"]),
            _box(_TARGET, top, _TALL, path.service, [path.target, f"port {path.port}"]),
            _arrow(_BROWSER, _RECORD, top, "HTTPS"),
            _arrow(_RECORD, _DISTRIBUTION, top, "HTTPS"),
            _arrow(_DISTRIBUTION, _BALANCER, top, "HTTPS, secret"),
            _arrow(_BALANCER, _TARGET, top, "signed in"),
        ]
    kinde, middle = _TOP + tall + 56, _BALANCER[0] + _BALANCER[1] / 2
    parts += [
        _box(_BALANCER, kinde, 58, issuer, ["identity provider"], "g"),
        f'<path class="a both" d="M{middle} {_TOP + tall + 3}V{kinde - 3}"/>',
        f'<text class="l" x="{middle + 26}" y="{kinde - 24}">OIDC</text>',
    ]
    top = height = kinde + 58 + 44
    parts.append(f'<text class="t" x="20" y="{top - 14}">Beside them</text>')
    for left, wide, titles in _LANES:
        y = top
        for title in titles:
            names = stack.groups[title]
            rows = 34 + _LINE * len(names)
            parts.append(f'<rect class="b" x="{left}" y="{y}" width="{wide}" height="{rows}"/>')
            parts.append(f'<text class="t" x="{left + 12}" y="{y + 21}">{title} ({len(names)})</text>')
            parts += [
                f'<text class="m" x="{left + 12}" y="{y + 40 + _LINE * row}">{escape(name)}</text>'
                for row, name in enumerate(names)
            ]
            y += rows + 16
        height = max(height, y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="The guarded entry points, and what stands beside them">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="p" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#3d6f94"/></marker></defs>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fbfcfd"/>\n'
        '<text class="t" x="20" y="34">The guarded entry points</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _box(column: tuple[int, int], top: int, tall: int, title: str, lines: Sequence[str], kind: str = "b") -> str:
    left, wide = column
    # The texts are centred vertically.
    first = top + (tall - _LINE * len(lines)) // 2 + 4
    texts = "".join(
        f'<text class="s" x="{left + 12}" y="{first + _LINE * (row + 1) + 1}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    # A bold letter takes about eight pixels; a title that would run out of the box is set narrower.
    narrow = f' textLength="{wide - 24}" lengthAdjust="spacingAndGlyphs"' if len(title) * 8.2 > wide - 24 else ""
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{wide}" height="{tall}"/>'
        f'<text class="t" x="{left + 12}" y="{first}"{narrow}>{escape(title)}</text>{texts}'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], top: int, label: str) -> str:
    left, right, y = sum(start), end[0], top + _TALL // 2
    return (
        f'<path class="a" d="M{left + 2} {y}H{right - 3}"/>'
        f'<text class="l" x="{(left + right) / 2}" y="{y - 7}">{label}</text>'
    )


def _host(rule: Mapping[str, Any]) -> str:
    return str(next(c["hostHeader"]["values"][0] for c in rule["conditions"] if "hostHeader" in c))


def _signs_in(rule: Mapping[str, Any]) -> bool:
    return bool(rule["actions"][0]["type"] == "authenticate-oidc")


def _trusted(role: Mapping[str, Any]) -> str:
    principal = json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"]
    return "CircleCI" if "Federated" in principal else str(principal["Service"]).partition(".")[0]
