"""Symptoms of a broken sign-in, their causes, and what to do.

Sources: https://repost.aws/knowledge-center/elb-configure-authentication-alb and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html ; for 502
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-502-bad-gateway.html ; for the uncovered host
https://developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Symptom:
    """A symptom: its name, its causes and what to check."""

    name: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.name}: {self.explanation}"


REDIRECT_LOOP: Final = Symptom(
    "redirect loop",
    "the browser is redirected back and forth between the host and Kinde: cookies or query strings aren't forwarded, a "
    "redirect was cached (by a cache rule of Cloudflare's zone or CloudFront's cache policy), or there is a plain HTTP "
    "hop (Cloudflare's SSL mode must be strict)",
)
CALLBACK_MISMATCH: Final = Symptom(
    "redirect_uri mismatch",
    "Kinde doesn't know the callback: the Host header isn't forwarded (the redirect names the origin), the port isn't "
    "443, or the URL isn't among the application's allowed callback URLs in Kinde",
)
UNAUTHORIZED: Final = Symptom(
    "401",
    "the load balancer refuses the sign-in: issuer, endpoints, client id or client secret aren't Kinde's (after a "
    "rotation: apply again), the sign-in took over 15 minutes, or its cookies were lost; `error_reason` in the load "
    "balancer's access log says which (AuthInvalidCookie, AuthMissingAWSALBAuthNonce, AuthInvalidStateParam)",
)
FORBIDDEN: Final = Symptom(
    "403",
    "the load balancer refuses the request: the secret header is missing or stale (a distribution is still being "
    "deployed during a rotation), the request didn't come through CloudFront, or no rule has this host",
)
SERVER_ERROR: Final = Symptom(
    "500",
    "the load balancer can't complete the sign-in: it can't reach Kinde (security group, network ACL or NAT on port "
    "443; IPv4 only), or the claims are over 11 KB (metric ELBAuthUserClaimsSizeExceeded)",
)
PROVIDER_ERROR: Final = Symptom(
    "561",
    "Kinde answered the load balancer with an error: check the application in Kinde (its client secret, its state, "
    "its allowed grants)",
)
BAD_GATEWAY: Final = Symptom(
    "502",
    "CloudFront can't connect to the load balancer over TLS: the origin certificate must be valid and name the origin "
    "or the host, and the listener must offer TLS 1.2",
)
EXPIRED_CERTIFICATE: Final = Symptom(
    "expired certificate",
    "the certificate wasn't renewed: ACM only renews its certificates while their validation records are in the zone; "
    "Cloudflare renews its own",
)
WRONG_CERTIFICATE: Final = Symptom(
    "wrong certificate",
    "the certificate names another host or isn't from a public authority: the name leads to another server",
)
UNCOVERED_HOST: Final = Symptom(
    "uncovered host",
    "Cloudflare's edge has no certificate for the host: Universal SSL only covers the zone and one level below it; use "
    "a host one level below the zone, or order an advanced certificate in Cloudflare",
)

SYMPTOMS: Final = (
    REDIRECT_LOOP,
    CALLBACK_MISMATCH,
    UNAUTHORIZED,
    FORBIDDEN,
    SERVER_ERROR,
    PROVIDER_ERROR,
    BAD_GATEWAY,
    EXPIRED_CERTIFICATE,
    WRONG_CERTIFICATE,
    UNCOVERED_HOST,
)
"""All symptoms; `docs/operations.md` lists the same."""

_BY_STATUS: Final = {
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    500: SERVER_ERROR,
    502: BAD_GATEWAY,
    561: PROVIDER_ERROR,
}


def find_by_status(status: int) -> Symptom | None:
    """Return the symptom that a host's HTTP status alone indicates."""
    return _BY_STATUS.get(status)
