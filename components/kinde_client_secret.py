"""The two forms of Kinde's client secret in Secrets Manager: plain, or JSON with a member `client_secret`."""

from __future__ import annotations

import json
from typing import Final

MEMBER: Final = "client_secret"
"""The member that holds the client secret if the stored value is JSON."""


def is_json(stored: str) -> bool:
    """Tell whether a stored value is JSON. A plain client secret has no braces."""
    return stored.startswith("{")


def read(stored: str) -> str:
    """Return the client secret that a stored value holds.

    Raises:
        ValueError, KeyError: the value begins like JSON, but isn't JSON or lacks the member.

    >>> read("abc"), read('{"client_secret": "abc", "client_id": "x"}')
    ('abc', 'abc')
    """
    return str(json.loads(stored)[MEMBER]) if is_json(stored) else stored


def replace(stored: str, secret: str) -> str:
    """Return the value to store for another client secret: in the same form, keeping the JSON's other members.

    >>> replace('{"client_secret": "abc", "client_id": "x"}', "def")
    '{"client_secret": "def", "client_id": "x"}'
    """
    return json.dumps({**json.loads(stored), MEMBER: secret}) if is_json(stored) else secret
