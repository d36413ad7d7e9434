"""The two applications behind the guarded entry points, and the labels of the stack's hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Application:
    """One application: where it is reached and how the load balancer reaches it.

    `label` is the first label of its host; `health_path` answers 200 without signing in.
    """

    label: str
    title: str
    port: int
    health_path: str
    priority: int
    """Priority of its listener rule; the load balancer evaluates lower ones first."""

    @property
    def session_cookie(self) -> str:
        """Name of the load balancer's session cookie.

        AWS requires one per application on a shared load balancer:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
        """
        return f"rc-{self.label}"


PORTAL: Final = Application(
    "portal",
    "Backstage",
    port=7007,
    # https://backstage.io/docs/backend-system/core-services/root-health
    health_path="/.backstage/health/v1/readiness",
    priority=100,
)
PIPELINES: Final = Application(
    "pipelines",
    "Prefect",
    port=4200,
    # Exempt from the API's own credential: https://docs.prefect.io/v3/advanced/security-settings
    health_path="/api/health",
    priority=200,
)
APPLICATIONS: Final = (PORTAL, PIPELINES)
ORIGIN_LABEL: Final = "origin"
"""First label of the load balancer's own host, to which CloudFront connects."""
