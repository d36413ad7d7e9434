"""Kinde as the load balancer's identity provider."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import kinde_client_secret
from components.kinde_endpoints import endpoints
from components.naming import Names
from components.settings import Settings


@dataclass(frozen=True)
class Kinde:
    """The endpoints of a Kinde business, and the client that the load balancer is."""

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
    """Look the client secret up in Secrets Manager, or stand in for it in a preview that may not read it.

    The look-up's result isn't marked secret by the provider (pulumi/pulumi-aws#1449), so it is marked here. It goes by
    the full ARN: a partial ARN that ends in a hyphen and six characters, as `client-secret` does, is misread.
    """
    if pulumi.runtime.is_dry_run() and not settings.read_secrets_in_preview:
        return pulumi.Output.secret("known when it is applied")
    version = aws.secretsmanager.get_secret_version_output(secret_id=names.secret_arn(settings.kinde_client_secret))
    return pulumi.Output.secret(version.secret_string).apply(lambda stored: kinde_client_secret.read(str(stored)))
