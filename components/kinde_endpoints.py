"""Kinde's endpoints and the callback URLs; they are known without a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.settings import Settings

SCOPE: Final = "openid profile email"
"""The scope of the sign-in: https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/"""


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of a Kinde business, as URLs; the issuer has no slash at its end."""

    issuer: str
    authorization: str
    token: str
    user_info: str


def endpoints(settings: Settings) -> Endpoints:
    """Return the endpoints as configured: they follow from the domain unless one is overridden.

    The second version of the user profile has the OIDC claims, whose `sub` becomes `x-amzn-oidc-identity`.
    Source: https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/
    """
    base = f"https://{settings.kinde_domain}"
    return Endpoints(
        issuer=settings.kinde_issuer or base,
        authorization=settings.kinde_authorization_endpoint or f"{base}/oauth2/auth",
        token=settings.kinde_token_endpoint or f"{base}/oauth2/token",
        user_info=settings.kinde_user_info_endpoint or f"{base}/oauth2/v2/user_profile",
    )


def callback_url(host: str) -> str:
    """Return the URL to which Kinde sends users back; the load balancer itself handles the path.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html

    >>> callback_url("portal.example.com")
    'https://portal.example.com/oauth2/idpresponse'
    """
    return f"https://{host}/oauth2/idpresponse"
