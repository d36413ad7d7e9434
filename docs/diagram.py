"""The diagram of the stack, as Mermaid and as SVG, from the resources of a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final


@dataclass(frozen=True)
class Path:
    """The way of one host: record, distribution, listener rule, target group."""

    host: str
    distribution: str
    origin: str
    issuer: str
    target: str
    port: int


@dataclass(frozen=True)
class Stack:
    """What the diagram shows: the way of each host, and groups of names beside it."""

    paths: Sequence[Path]
    groups: Mapping[str, Sequence[str]]


def way_in(resources: Sequence[Mapping[str, Any]]) -> Stack:
    """Read a plan's resources (type and inputs).

    Raises:
        LookupError: a host of a distribution has no record, rule or target group in the plan.
    """

    def inputs(kind: str) -> list[Mapping[str, Any]]:
        return [resource["inputs"] for resource in resources if resource["type"] == kind]

    rules = {_host_of(rule): rule for rule in inputs("aws:lb/listenerRule:ListenerRule") if _signs_in(rule)}
    targets = {group["name"]: group for group in inputs("aws:lb/targetGroup:TargetGroup")}
    proxied = {record["name"] for record in inputs("cloudflare:index/dnsRecord:DnsRecord") if record["proxied"]}
    paths = []
    for distribution in inputs("aws:cloudfront/distribution:Distribution"):
        for host in distribution["aliases"]:
            # Comment and target group carry the same environment and label: `prod portal`, `prod-portal`.
            target = targets[distribution["comment"].replace(" ", "-")]
            if host not in proxied:
                raise LookupError(f"{host} has no proxied record")
            paths.append(
                Path(
                    host,
                    distribution["comment"],
                    distribution["origins"][0]["domainName"],
                    rules[host]["actions"][0]["authenticateOidc"]["issuer"],
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
            f'  balancer -- "header, then sign-in" --> target{index}["{path.target}<br>port {path.port}"]',
        ]
    lines.append('  balancer["Load balancer<br>403 without the header secret"]')
    lines += [
        f'  balancer <-- OIDC --> kinde(["{issuer}"])' for issuer in sorted({path.issuer for path in stack.paths})
    ]
    for title, names in stack.groups.items():
        lines += [f"  subgraph {title}", f'    {title.lower()}["{"<br>".join(names)}"]', "  end"]
    return "\n".join(lines) + "\n"


_WIDTH: Final = 1200
_BOX: Final = 220
_GAP: Final = 93
_LINE: Final = 17
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1a2733}.t{font-weight:600}.s{font-size:12px;fill:#51606d}"
    ".m{font:12px ui-monospace,monospace}.b{fill:#fff;stroke:#8fa3b5;rx:8}.g{fill:#eef4f8;stroke:#3d6f94;rx:8}"
    ".a{stroke:#3d6f94;stroke-width:1.6;fill:none;marker-end:url(#p)}"
)


def svg(stack: Stack) -> str:
    """Return the diagram as an SVG picture: the way in as a row per host, the rest as lists below."""
    rows = len(stack.paths)
    middle = 60 + (rows - 1) * 60
    parts: list[str] = []
    columns = [20 + index * (_BOX + _GAP) for index in range(4)]
    for index, path in enumerate(stack.paths):
        top = 60 + index * 120
        parts += [
            _box(columns[0], top, 80, path.host, ["Cloudflare record", "proxied, never cached"]),
            _box(columns[1], top, 80, path.distribution, ["CloudFront distribution", "adds the header secret"]),
            _box(columns[3], top, 80, path.target, ["target group", f"port {path.port}"]),
            _arrow(columns[0] + _BOX, top + 40, columns[1], top + 40),
            _arrow(columns[1] + _BOX, top + 40, columns[2], middle + 40),
            _arrow(columns[2] + _BOX, middle + 40, columns[3], top + 40),
        ]
    parts.append(_box(columns[2], middle, 80, stack.paths[0].origin, ["load balancer", "403 without the header"], "g"))
    kinde = 60 + rows * 120
    issuer = stack.paths[0].issuer.removeprefix("https://")
    parts.append(_box(columns[2], kinde, 62, issuer, ["signs users in (OIDC)"], "g"))
    parts.append(_arrow(columns[2] + _BOX / 2, middle + 80, columns[2] + _BOX / 2, kinde))
    top = kinde + 110
    height = top
    lanes = [(20, 340, ["Secrets", "Buckets"]), (380, 360, ["Parameters"]), (760, 420, ["Roles"])]
    for left, wide, titles in lanes:
        y = top
        for title in titles:
            names = stack.groups[title]
            tall = 34 + _LINE * len(names)
            parts.append(f'<rect class="b" x="{left}" y="{y}" width="{wide}" height="{tall}"/>')
            parts.append(f'<text class="t" x="{left + 12}" y="{y + 21}">{title} ({len(names)})</text>')
            parts += [
                f'<text class="m" x="{left + 12}" y="{y + 40 + _LINE * row}">{escape(name)}</text>'
                for row, name in enumerate(names)
            ]
            y += tall + 16
        height = max(height, y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="The guarded way in, and what stands beside it">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="p" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#3d6f94"/></marker></defs>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fbfcfd"/>\n'
        '<text class="t" x="20" y="34">The guarded way in</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _box(left: float, top: float, tall: float, title: str, lines: Sequence[str], kind: str = "b") -> str:
    texts = "".join(
        f'<text class="s" x="{left + 12}" y="{top + 44 + _LINE * row}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{_BOX}" height="{tall}"/>'
        f'<text class="t" x="{left + 12}" y="{top + 24}">{escape(title)}</text>{texts}'
    )


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="a" d="M{x1} {y1}L{x2 - (2 if x2 != x1 else 0)} {y2 - (2 if x2 == x1 else 0)}"/>'


def _host_of(rule: Mapping[str, Any]) -> str:
    return str(next(c["hostHeader"]["values"][0] for c in rule["conditions"] if "hostHeader" in c))


def _signs_in(rule: Mapping[str, Any]) -> bool:
    return bool(rule["actions"][0]["type"] == "authenticate-oidc")


def _trusted(role: Mapping[str, Any]) -> str:
    principal = json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"]
    return "CircleCI" if "Federated" in principal else str(principal["Service"]).partition(".")[0]
