"""What the principals of trust and resource policies mean
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache, lru_cache, partial
from typing import Final, NamedTuple

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Principal
from policies.least_privilege.meaning import resources
from policies.rulebook.rule import Text

_ACCOUNT: Final = re.compile(r"\d{12}")
_UNIQUE_ID: Final = re.compile(r"A[A-Z]{3}[A-Z0-9]{16,}")
_ARN: Final = re.compile(
    r"arn:aws(?:-[a-z-]+)?:(?:iam|sts)::(?P<account>\d{12}):"
    r"(?P<what>root|(?:user|role|assumed-role|federated-user|group)/[\w+=,.@/-]+)",
    re.ASCII,
)
_ORIGIN_IDENTITY: Final = re.compile(
    r"arn:aws(?:-[a-z-]+)?:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+"
)
_SERVICE: Final = re.compile(
    r"(?:[a-z0-9-]+\.)+amazonaws\.com(?:\.cn)?|(?:[a-z0-9-]+\.)?alexa-[a-z]+\.amazon\.com|"
    r"[a-z0-9-]+\.aws\.internal|[a-z0-9.-]+\.aws\.(?:dev|com)",
    re.ASCII,
)
_REGION: Final = re.compile(rf"\.{resources.REGION}(?=\.amazonaws\.com)")
_PROVIDER: Final = re.compile(
    r"arn:aws(?:-[a-z-]+)?:iam::(?P<account>\d{12}):(?P<kind>oidc|saml)-provider/(?P<name>(?!https?:)[^*?]+)"
)
_WEB_PROVIDERS: Final = frozenset(
    ("cognito-identity.amazonaws.com", "accounts.google.com", "www.amazon.com", "graph.facebook.com")
)


class Meaning(NamedTuple):
    """What a principal is. Only the fields that apply to it are set."""

    problem: Text = ""
    """Why no such principal can exist."""
    is_open: bool = False
    """It stands for more than one account, service or provider."""
    account: str = ""
    whole: bool = False
    """It's the account itself: everybody in it whom its own policies allow."""
    issuer: str = ""
    """Host and path of the issuer of tokens, as in the keys of its claims; `saml` for a SAML provider."""


@lru_cache(8192)
def meaning(principal: Principal) -> Meaning:
    """Return what a principal means."""
    kind, name = principal
    if patterns.includes(name, "?*"):
        return Meaning("" if kind == "AWS" else f"`*` isn't a principal of the kind {kind}", is_open=True)
    if patterns.wild(name):
        return Meaning("a principal can't hold a wildcard, except for `*` alone", is_open=True)
    if kind == "AWS":
        return _aws(name)
    if kind == "Service":
        return Meaning(service_problem(name))
    if kind == "Federated":
        return _federated(name)
    return Meaning()


def include_everybody(principals: Iterable[Principal]) -> bool:
    """Tell whether one of several principals stands for more than one account, service or provider."""
    return any(meaning(principal).is_open for principal in principals)


def strip_region(service: str) -> str:
    """Return a service principal without its region.

    >>> strip_region("states.eu-central-1.amazonaws.com")
    'states.amazonaws.com'
    """
    return _REGION.sub("", service.removesuffix(".cn"))


@lru_cache(4096)
def service_problem(name: str) -> Text:
    """Return what is wrong with the name of a service principal, empty if AWS has one of that name."""
    if not _SERVICE.fullmatch(name):
        return "it isn't a service principal (`service.amazonaws.com`)"
    label, at_amazonaws, _ = strip_region(name).partition(".amazonaws.com")
    if not at_amazonaws:
        meant = difflib.get_close_matches(
            label.removesuffix(".aws.com"), _service_labels(), n=1, cutoff=resources.SIMILAR
        )
        return _near(meant[0]) if meant else ""
    if label in _service_labels():
        return ""
    first, _, rest = label.partition(".")
    if f"{rest}.{first}" in _service_labels():
        return _near(f"{rest}.{first}")
    if rest not in _service_labels():
        return partial(_unknown, label)
    # No list has the principals of all parts of services. A name that is near a known one still counts as misspelt.
    near = difflib.get_close_matches(label, _service_labels(), n=1, cutoff=resources.SIMILAR)
    return _near(near[0]) if near else ""


def _unknown(label: str) -> str:
    near = difflib.get_close_matches(label, _service_labels(), n=1, cutoff=_ALIKE)
    return _near(near[0]) if near else "AWS's documentation has no such service"


def _near(label: str) -> str:
    return f"AWS's documentation has no such service; the nearest name is `{label}.amazonaws.com`"


_ALIKE: Final = 0.6
"""`difflib`'s ratio from which a name is worth a hint."""


@cache
def _service_labels() -> frozenset[str]:
    """Return the names of services, without `.amazonaws.com`: mostly the prefixes of their actions."""
    return frozenset((*knowledge.prefixes(), *knowledge.service_principals()))


def _aws(name: str) -> Meaning:
    if _ACCOUNT.fullmatch(name):
        return Meaning(account=name, whole=True)
    found = _ARN.fullmatch(name)
    if found and not found["what"].startswith("group/"):
        return Meaning(account=found["account"], whole=found["what"] == "root")
    if _UNIQUE_ID.fullmatch(name) or _ORIGIN_IDENTITY.fullmatch(name):
        return Meaning()
    if found:
        return Meaning("a group can't be a principal")
    return Meaning("it's neither an account nor the ARN of a root, user, role or session")


def _federated(name: str) -> Meaning:
    if name in _WEB_PROVIDERS:
        return Meaning(issuer=name)
    found = _PROVIDER.fullmatch(name)
    if not found:
        return Meaning(
            "it's neither the ARN of an identity provider (with its host, without `https://`) nor one of AWS's own "
            "providers"
        )
    return Meaning(account=found["account"], issuer="saml" if found["kind"] == "saml" else found["name"].lower())
