"""The diagram as a Mermaid flowchart, which GitHub draws in a comment."""

from __future__ import annotations

from review.diagram.read import Stack


def mermaid(stack: Stack) -> str:
    """Return the flowchart: the entry points, and the other groups as boxes with names."""
    lines = ["flowchart LR", "  browser([Browser])"]
    for index, path in enumerate(stack.paths):
        lines += [
            f'  browser --> cloudflare{index}["Cloudflare<br>{path.host}<br>proxied, never cached"]',
            f'  cloudflare{index} --> cloudfront{index}["CloudFront<br>{path.distribution}<br>adds the header secret"]',
            f"  cloudfront{index} -- {path.origin} --> balancer",
            f'  balancer -- "header, then sign-in" --> target{index}["{path.service}<br>{path.target}:{path.port}"]',
        ]
    if stack.paths:
        lines.append('  balancer["Load balancer<br>403 without the header secret"]')
    lines += [
        f'  balancer <-- OIDC --> kinde(["{issuer}"])' for issuer in sorted({path.issuer for path in stack.paths})
    ]
    groups = {title: [store.name for store in stores] for title, stores in stack.stores.items()}
    groups |= {f"Roles of {who}": list(names) for who, names in stack.roles.items()}
    for index, (title, names) in enumerate(groups.items()):
        lines += [
            f'  subgraph group{index}["{title} ({len(names)})"]',
            f'    names{index}["{"<br>".join(names)}"]',
            "  end",
        ]
    return "\n".join(lines) + "\n"
