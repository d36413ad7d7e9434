"""Kinde as the load balancer's identity provider."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components import kinde_client_secret
from components.kept_secret import kept_secret
from components.kinde_endpoints import endpoints
from components.naming import Names
from components.settings import Settings


@dataclass(frozen=True)
class Kinde:
    """The endpoints of a Kinde business, and the load balancer's client id and secret."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret: pulumi.Output[str]
    """A Pulumi secret."""


def kinde(settings: Settings, names: Names) -> Kinde:
    """Return Kinde as configured."""
    where = endpoints(settings)
    return Kinde(
        issuer=where.issuer,
        authorization_endpoint=where.authorization,
        token_endpoint=where.token,
        user_info_endpoint=where.user_info,
        client_id=settings.kinde_client_id,
        client_secret=_client_secret(settings, names),
    )


def _client_secret(settings: Settings, names: Names) -> pulumi.Output[str]:
    """Return the client secret.

    It is looked up by the full ARN: AWS misreads a partial ARN that ends in a hyphen and six characters, as
    `client-secret` does.
    """
    arn = names.secret_arn(settings.kinde_client_secret)
    return kept_secret(arn, kinde_client_secret.read, in_previews=settings.read_secrets_in_preview)
