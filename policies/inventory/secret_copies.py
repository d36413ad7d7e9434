"""Secrets that pass through the stack: they are only in the inputs that need them, and nobody can guess them.

Some secrets, such as the load balancer's client secret and the header secret, have to be in a few inputs, which the
table marks as `secret`. Every other text of the stack is compared with them: as they are, reversed, in base64, in
hexadecimal and percent-encoded, ignoring case and any characters other than letters and digits. A copy that a program
encrypts, splits into parts of fewer than 16 characters or spells in another way isn't found.

An SDK marks any value for such an input as secret, even if the program has it in plain text. So the mark doesn't show
where a value comes from.
"""

from __future__ import annotations

import base64
import os
import string
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Final
from urllib.parse import quote

from policies.inventory.table import property_leaves, table
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Scope, SecretText, Severity

_PART: Final = 16
"""A copy of this many characters is found, wherever it begins."""
_WINDOW: Final = 8
_STEP: Final = _PART - _WINDOW + 1
"""If a window begins at every ninth character of a text, any part of 16 characters contains a whole window."""

_BETWEEN: Final = bytes(set(range(256)) - set(string.ascii_letters.encode()) - set(string.digits.encode()))

_CHOSEN_ELSEWHERE: Final = ("clientSecret", "masterPasswordWo")
"""The identity provider or `fill-secrets` chooses these, and Secrets Manager keeps them: their strength isn't this
stack's responsibility."""
_LEFT_OUT: Final = os.environ.get("LEFT_OUT_OF_UPDATE", "").split()
"""Patterns of the URNs that an update leaves out, set by the command that starts the engine. For these resources the
engine shows the values in its state, which were read before."""
_READS_SECRETS: Final = os.environ.get("PREVIEW_READS_SECRETS") == "true"
"""Whether previews of this engine read secrets if a stack's configuration says so. A rehearsal reads none."""
_PATTERN: Final = "Basic *"
"""A value that a listener rule can require of another header, `Authorization`. If one of a rule's conditions is secret,
all are."""
_FEWEST_DIFFERENT: Final = 8
"""Of 20,000 random texts of 32 hexadecimal digits, none had fewer than 9 different digits; with 64 digits, 13."""
_COMPRESSED: Final = 0.62
"""Of as many random texts, none was compressed below 0.71 of its length, without deflate's own bytes. A text that
repeats or counts up is: `0123456789abcdef` four times becomes 0.3 of its length."""
_DEFLATE: Final = 8
"""Number of bytes that deflate adds to its output (RFC 1950)."""


def _plain(text: str) -> bytes:
    """Return the letters and digits of a text, or of a secret, in lower case."""
    return text.encode(errors="surrogatepass").translate(None, _BETWEEN).lower()


def _places(resource: Resource) -> tuple[tuple[str, str, Json, bool], ...]:
    """Return path, place and value of everything in a resource, and whether a secret is allowed there."""
    known = table().get(resource.type)
    verdicts = [(leaf, known.judge(leaf[0]) if known else None) for leaf in resource.shared(property_leaves)]
    return tuple((*leaf, bool(verdict and verdict.verb == "secret")) for leaf, verdict in verdicts)


def _parts(resource: Resource) -> frozenset[bytes]:
    """Return all parts of 16 characters of the secrets that are where they are allowed."""
    values = [value for _, _, value, may in resource.shared(_places) if may and isinstance(value, SecretText)]
    secrets = {value.encode(errors="surrogatepass").decode(errors="surrogatepass") for value in values}
    return frozenset().union(*(_windows(secret) for secret in secrets if len(secret) >= _PART))


def _starts(resource: Resource) -> frozenset[bytes]:
    """Return the first window of each of these parts."""
    return frozenset(part[:_WINDOW] for part in resource.shared(_parts))


def _texts(resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return the texts of a resource in which no secret is allowed, each with its description."""
    places = resource.shared(_places)
    values = [(f"`{place}`", value) for _, place, value, may in places if not may and isinstance(value, str)]
    return (("Its name", resource.name), *values)


def _looked_at(resource: Resource) -> frozenset[bytes]:
    """Return the windows of everything in a resource in which no secret is allowed."""
    keys = [path for path, *_ in resource.shared(_places)]
    texts = [text for _, text in resource.shared(_texts)]
    return frozenset(text[at : at + _WINDOW] for text in map(_judged, {*keys, *texts}) for at in _begins(text))


def _windows(secret: str) -> frozenset[bytes]:
    """Return all parts of 16 characters of a secret, in each form in which it may be written."""
    raw = secret.encode(errors="surrogatepass")
    written = [secret, quote(secret, safe=""), raw.hex()]
    for order in (raw, raw[::-1]):
        # A text in base64 looks different depending on where in a group of three bytes it begins.
        written += [base64.b64encode(bytes(start) + order)[2 * start :].decode() for start in range(3)]
        written += [base64.urlsafe_b64encode(bytes(start) + order)[2 * start :].decode() for start in range(3)]
    forms = [form for text in written for form in (_plain(text), _plain(text)[::-1])]
    return frozenset(form[at : at + _PART] for form in forms for at in range(len(form) - _PART + 1))


def _copied(resources: Sequence[Resource], _: Judgement) -> Iterator[Finding]:
    parts = frozenset().union(*(resource.shared(_parts) for resource in resources))
    starts = frozenset().union(*(resource.shared(_starts) for resource in resources))
    for resource in resources:
        if resource.shared(_looked_at).isdisjoint(starts):
            continue
        # A finding must not name a place whose own name holds a secret.
        if any(_holds(path, parts, starts) for path in {path for path, *_ in resource.shared(_places)}):
            yield Finding("A key of its properties holds a secret, or a part of it.", resource.urn)
            continue
        for place, text in resource.shared(_texts):
            if _holds(text, parts, starts):
                yield Finding(f"{place} holds a secret, or a part of it.", resource.urn)


def _holds(value: str, parts: frozenset[bytes], starts: frozenset[bytes]) -> bool:
    text = _judged(value)
    return any(
        text[at : at + _WINDOW] in starts
        and any(text[begin : begin + _PART] in parts for begin in range(max(0, at - _STEP + 1), at + 1))
        for at in _begins(text)
    )


def _judged(text: str) -> bytes:
    """Return the form of a text that is compared with secrets; empty if the text is too short to hold a part of one."""
    return _plain(text) if len(text) >= _PART else b""


def _begins(text: bytes) -> range:
    """Return the positions at which windows of a text begin."""
    return range(0, len(text) - _WINDOW + 1, _STEP)


def _guessable(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path, place, value, may in resource.shared(_places):
        chosen_here = may and value != _PATTERN and not path.endswith(_CHOSEN_ELSEWHERE)
        if chosen_here and isinstance(value, SecretText) and not is_random(value):
            yield Finding(
                f"`{place}` can be guessed: it repeats itself, counts up, or has too few different characters."
            )


def _literal(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    config = judgement.config
    for path, place, value, may in resource.shared(_places):
        if not may or value is UNKNOWN or value == _PATTERN:
            continue
        if not path.endswith(_CHOSEN_ELSEWHERE):
            if value not in judgement.secrets:
                yield Finding(f"`{place}` isn't a secret of the stack's configuration.")
            continue
        left_out = any(fnmatchcase(resource.urn, pattern) for pattern in _LEFT_OUT)
        if (
            judgement.preview
            and not left_out
            and value != config["stand_in"]
            and not _read_in_previews(path, judgement)
        ):
            yield Finding(f"`{place}` has a real value in a preview, where a secret that is read later has a stand-in.")


def _read_in_previews(path: str, judgement: Judgement) -> bool:
    """Tell whether a preview reads a secret; such a secret looks like one that is written in the program."""
    setting = judgement.config["read_in_previews"].get(path)
    return _READS_SECRETS and setting is not None and judgement.settings.get(setting) == "true"


def is_random(secret: str) -> bool:
    """Tell whether a secret looks randomly generated.

    >>> [is_random(text) for text in ("a" * 64, "0123456789abcdef" * 4, bytes(range(32)).hex(), "12" * 32)]
    [False, False, False, False]
    """
    raw = secret.encode(errors="surrogatepass")
    halves = [raw[0::2], raw[1::2]]
    steps = bytes((after - before) % 256 for before, after in pairwise(raw))
    return len(set(raw)) >= _FEWEST_DIFFERENT and all(
        len(zlib.compress(part, 9)) - _DEFLATE > _COMPRESSED * len(part) for part in (raw, steps, *halves)
    )


_HOLDING: Final = frozenset(known.type for known in table().values() if known.paths("secret"))
"""Types with an input in which a secret is allowed."""

RULES: Final = (
    Rule(
        id="copied-secret",
        title="Secrets that pass through the stack are only in the inputs that need them.",
        remedy="Remove the copy and create a new secret: anyone who has seen the plan or the state has seen this one.",
        source="https://www.pulumi.com/docs/iac/concepts/secrets/",
        severity=Severity.CRITICAL,
        check=_copied,
        early=_copied,
        scope=Scope.STACK,
    ),
    Rule(
        id="literal-secret",
        title="Secrets that pass through the stack come from its configuration or from Secrets Manager, and aren't "
        "written in the program.",
        remedy="Set it with `pulumi config set --secret`, or read it from Secrets Manager during the update "
        "(`components/kept_secret.py`). If the value isn't secret, use an input for plain values, such as "
        "`insecureValue`.",
        source="https://www.pulumi.com/docs/iac/concepts/secrets/",
        severity=Severity.CRITICAL,
        check=_literal,
        types=_HOLDING,
        config={
            "stand_in": {
                "type": "string",
                "description": "Text that takes the place of a secret in a preview if it is read only during the "
                "update",
                "default": "known when it is applied",
            },
            "read_in_previews": {
                "type": "object",
                "description": "Path of a secret -> key of the stack's configuration that makes previews read it",
                "default": {"actions.authenticateOidc.clientSecret": "readSecretsInPreview"},
            },
        },
    ),
    Rule(
        id="guessable-secret",
        title="The header secret is randomly generated.",
        remedy="Use 64 hexadecimal digits from a generator (`openssl rand -hex 32`).",
        source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
        severity=Severity.CRITICAL,
        check=_guessable,
        types=_HOLDING,
    ),
)
