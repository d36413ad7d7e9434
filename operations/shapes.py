"""Checks a secret's value against the shape in the catalogue. No message contains any part of the value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from components import kinde_client_secret
from components.catalogue import Shape
from operations import databases

POSTGRESQL_SCHEMES: Final = ("postgresql", "postgres")
"""https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS"""
ASYNCPG_SCHEMES: Final = ("postgresql+asyncpg",)
NEO4J_SCHEMES: Final = tuple(f"{scheme}{tls}" for scheme in ("neo4j", "bolt") for tls in ("", "+s", "+ssc"))
"""https://neo4j.com/docs/python-manual/current/connect-advanced/"""


def find_problem(shape: Shape, value: str) -> str:
    """Return what is wrong with a value, or an empty text. The message contains no part of the value.

    >>> find_problem(Shape.CREDENTIAL, "user:password")
    ''
    >>> find_problem(Shape.CREDENTIAL, "password")
    "isn't `user:password`"
    """
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "has white space or a line break at its beginning or end"
    return _PROBLEMS[shape](value)


def _match(pattern: str, otherwise: str) -> Callable[[str], str]:
    return lambda value: "" if re.fullmatch(pattern, value) else otherwise


def _read_members(value: str, wanted: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], str]:
    """Return members of a JSON object by their titles, or what is wrong.

    `wanted` maps a title to parts of names: a member matches if the letters of its name contain one of them, so `uri`
    finds `NEO4J_URI`. A title in backticks, without parts, is the member's exact name.
    """
    try:
        document: object = json.loads(value)
    except ValueError:
        return {}, "isn't JSON"
    if not isinstance(document, dict):
        return {}, "isn't a JSON object"
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
        return {}, f"has {' and '.join(wrong)}, which must be a text that isn't empty"
    return {title: str(member) for title, member in found.items()}, ""


_USERNAME, _PASSWORD = "`username`", "`password`"


def _username_password(value: str) -> str:
    return _read_members(value, {_USERNAME: (), _PASSWORD: ()})[1]


def _database_administrator(value: str) -> str:
    members, wrong = _read_members(value, {_USERNAME: (), _PASSWORD: ()})
    if wrong:
        return wrong
    if wrong := databases.find_administrator_problem(members[_USERNAME]):
        return f"has a {_USERNAME} that {wrong}"
    wrong = databases.find_administrator_password_problem(members[_PASSWORD])
    return f"has a {_PASSWORD} that {wrong}" if wrong else ""


def _neo4j(value: str) -> str:
    members, wrong = _read_members(
        value, {"the URI": ("uri", "url"), "the user name": ("user",), "the password": ("password",)}
    )
    if wrong:
        return wrong
    try:
        url = urlsplit(members["the URI"])
        _ = url.port
    except ValueError:
        return "contains a URL that can't be read"
    if url.scheme not in NEO4J_SCHEMES:
        return f"contains a URL with another scheme; accepted: {', '.join(NEO4J_SCHEMES)}"
    return "" if url.hostname else "contains a URL without a host"


def _cloudinary(value: str) -> str:
    return _read_members(
        value, {"the cloud name": ("cloudname",), "the API key": ("apikey",), "the API secret": ("apisecret",)}
    )[1]


def _database_url(schemes: Sequence[str]) -> Callable[[str], str]:
    def find(value: str) -> str:
        wrong = databases.find_url_problem(value, schemes)
        return f"is a URL {wrong}" if wrong else ""

    return find


def _client_secret(value: str) -> str:
    if kinde_client_secret.is_json(value):
        return _read_members(value, {f"`{kinde_client_secret.MEMBER}`": ()})[1]
    return "" if re.fullmatch(r"[!-~]{16,}", value) else "isn't 16 or more printable characters without spaces"


_PROBLEMS: Final[Mapping[Shape, Callable[[str], str]]] = {
    Shape.POSTGRESQL_URL: _database_url(POSTGRESQL_SCHEMES),
    Shape.ASYNCPG_URL: _database_url(ASYNCPG_SCHEMES),
    Shape.USERNAME_PASSWORD: _username_password,
    Shape.DATABASE_ADMINISTRATOR: _database_administrator,
    Shape.SIGNING_KEY: lambda value: "" if len(value.encode()) >= 32 else "is shorter than 32 bytes",
    # GitHub and CircleCI issue no shorter ones, so a shorter one was cut off. Quotes or braces were pasted by mistake.
    Shape.TOKEN: _match(r"[\w.~+/=-]{20,}", "isn't 20 or more letters, digits and - . _ ~ + / ="),
    Shape.CREDENTIAL: _match(r"[^:\s]+:\S+", "isn't `user:password`"),
    Shape.OIDC_CLIENT_SECRET: _client_secret,
    Shape.NEO4J: _neo4j,
    Shape.CLOUDINARY: _cloudinary,
}
