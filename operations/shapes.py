"""Whether a secret's value has the shape that the catalogue gives it, told without showing any of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from components.catalogue import Shape

POSTGRESQL_SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg")
"""libpq's two, and the driver that Prefect's server needs: https://docs.prefect.io/v3/advanced/self-hosted"""
NEO4J_SCHEMES: Final = tuple(f"{scheme}{tls}" for scheme in ("neo4j", "bolt") for tls in ("", "+s", "+ssc"))
"""https://neo4j.com/docs/python-manual/current/connect-advanced/"""


def problem(shape: Shape, value: str) -> str:
    """Return what is wrong with a value, or an empty text. The answer holds no part of the value.

    >>> problem(Shape.CREDENTIAL, "user:password")
    ''
    >>> problem(Shape.CREDENTIAL, "password")
    'is not `user:password`'
    """
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "has white space or a line break at its beginning or end"
    return _PROBLEMS[shape](value)


def _matches(pattern: str, otherwise: str) -> Callable[[str], str]:
    return lambda value: "" if re.fullmatch(pattern, value) else otherwise


def _members(value: str, wanted: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], str]:
    """Find members of a JSON object by their names' letters alone, so that `NEO4J_URI` is found as `uri`.

    Titles in backticks are the members' exact names.
    """
    try:
        document: Any = json.loads(value)
    except ValueError:
        return {}, "is not JSON"
    if not isinstance(document, dict):
        return {}, "is not a JSON object"
    plain = {re.sub(r"[^a-z]", "", str(key).lower()): member for key, member in document.items()}
    found = {
        title: next((plain[key] for key in plain if any(part in key for part in parts)), None)
        if parts
        else document.get(title.strip("`"))
        for title, parts in wanted.items()
    }
    missing = [title for title, member in found.items() if member is None]
    if missing:
        return {}, f"lacks {' and '.join(missing)}"
    wrong = [title for title, member in found.items() if not isinstance(member, str) or not member.strip()]
    if wrong:
        return {}, f"has {' and '.join(wrong)} empty or not as text"
    return {title: str(member) for title, member in found.items()}, ""


def _username_password(value: str) -> str:
    return _members(value, {"`username`": (), "`password`": ()})[1]


def _neo4j(value: str) -> str:
    members, wrong = _members(
        value, {"the URI": ("uri", "url"), "the user name": ("user",), "the password": ("password",)}
    )
    if wrong:
        return wrong
    return _url_problem(members["the URI"], NEO4J_SCHEMES, {"a host": lambda url: url.hostname})


def _cloudinary(value: str) -> str:
    return _members(
        value, {"the cloud name": ("cloudname",), "the API key": ("apikey",), "the API secret": ("apisecret",)}
    )[1]


def _postgresql_url(value: str) -> str:
    return _url_problem(
        value,
        POSTGRESQL_SCHEMES,
        {
            "a user": lambda url: url.username,
            "a password": lambda url: url.password,
            "a host": lambda url: url.hostname,
            "a database": lambda url: url.path.strip("/"),
        },
    )


def _url_problem(value: str, schemes: Sequence[str], parts: Mapping[str, Callable[[SplitResult], str | None]]) -> str:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        return "holds a URL that can't be read"
    if url.scheme not in schemes:
        return f"holds a URL of another scheme; accepted: {', '.join(schemes)}"
    missing = [title for title, part in parts.items() if not part(url)]
    return f"holds a URL without {' and '.join(missing)}" if missing else ""


def _client_secret(value: str) -> str:
    if value.startswith("{"):
        return _members(value, {"`client_secret`": ()})[1]
    return "" if re.fullmatch(r"[!-~]{16,}", value) else "is not 16 or more printable characters without space"


_PROBLEMS: Final[Mapping[Shape, Callable[[str], str]]] = {
    Shape.POSTGRESQL_URL: _postgresql_url,
    Shape.USERNAME_PASSWORD: _username_password,
    Shape.SIGNING_KEY: lambda value: "" if len(value.encode()) >= 32 else "is shorter than 32 bytes",
    # Shorter than any that GitHub or CircleCI issue would be cut off; quotes or braces, pasted with something else.
    Shape.TOKEN: _matches(r"[\w.~+/=-]{20,}", "is not 20 or more letters, digits and - . _ ~ + / ="),
    Shape.CREDENTIAL: _matches(r"[^:\s]+:\S+", "is not `user:password`"),
    Shape.OIDC_CLIENT_SECRET: _client_secret,
    Shape.NEO4J: _neo4j,
    Shape.CLOUDINARY: _cloudinary,
}
