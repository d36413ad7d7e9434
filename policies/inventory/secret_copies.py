"""Secrets that pass through: they stand where they have to and nowhere else, and nobody can guess them.

The load balancer's client secret and the header secret have to stand in a few inputs, which the table marks as
`secret`. Every other text of the stack is compared with them: as they are, reversed, in base64, in hexadecimal and
percent-encoded, whatever the case and whatever stands between the characters. A copy that a program encrypts, splits
into parts of fewer than 16 characters or spells in another way isn't found.

An SDK marks what it is given for such an input as secret, also where the program has it in plain text. So whether it is
marked doesn't tell where it comes from.
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
"""A copy of so many characters is found, wherever it begins."""
_WINDOW: Final = 8
_STEP: Final = _PART - _WINDOW + 1
"""In any part of 16 characters lies one whole window of those that begin at every ninth character of a text."""

_BETWEEN: Final = bytes(set(range(256)) - set(string.ascii_letters.encode()) - set(string.digits.encode()))

_CHOSEN_ELSEWHERE: Final = ("clientSecret", "masterPasswordWo")
"""The identity provider, and `fill-secrets`, choose these, and Secrets Manager keeps them: how strong they are isn't
this stack's business."""
_LEFT_OUT: Final = os.environ.get("LEFT_OUT_OF_UPDATE", "").split()
"""Patterns of the URNs that whoever started the engine leaves out. Of these it shows what the state has: what was read
once."""
_READS_SECRETS: Final = os.environ.get("PREVIEW_READS_SECRETS") == "true"
"""Whether previews of this engine read secrets where a stack's configuration says so. A rehearsal reads none."""
_PATTERN: Final = "Basic *"
"""What a rule may ask of another header, `Authorization`. All of a rule's conditions are secret where one is."""
_FEWEST_DIFFERENT: Final = 8
"""Of 20,000 random texts of 32 hexadecimal digits, none had fewer than 9 different ones; of 64 digits, 13."""
_COMPRESSED: Final = 0.62
"""Of as many random texts, none was compressed below 0.71 of its length, deflate's own bytes left out. What repeats or
counts up is: `0123456789abcdef` four times to 0.3."""
_DEFLATE: Final = 8
"""Bytes that deflate adds to what it compresses (RFC 1950)."""


def _plain(text: str) -> bytes:
    """Return the letters and digits of a text in lower case, of a secret as well."""
    return text.encode(errors="surrogatepass").translate(None, _BETWEEN).lower()


def _places(resource: Resource) -> tuple[tuple[str, str, Json, bool], ...]:
    """Return path, place and value of everything in a resource, and whether a secret may stand there."""
    known = table().get(resource.type)
    verdicts = [(leaf, known.judge(leaf[0]) if known else None) for leaf in resource.shared(property_leaves)]
    return tuple((*leaf, bool(verdict and verdict.verb == "secret")) for leaf, verdict in verdicts)


def _parts(resource: Resource) -> frozenset[bytes]:
    """Return the windows of the secrets that stand where they may."""
    values = [value for _, _, value, may in resource.shared(_places) if may and isinstance(value, SecretText)]
    secrets = {value.encode(errors="surrogatepass").decode(errors="surrogatepass") for value in values}
    return frozenset().union(*(_windows(secret) for secret in secrets if len(secret) >= _PART))


def _starts(resource: Resource) -> frozenset[bytes]:
    """Return how these windows start."""
    return frozenset(part[:_WINDOW] for part in resource.shared(_parts))


def _texts(resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return the texts of a resource in which no secret may stand, each with what it is."""
    places = resource.shared(_places)
    values = [(f"`{place}`", value) for _, place, value, may in places if not may and isinstance(value, str)]
    return (("Its name", resource.name), *values)


def _looked_at(resource: Resource) -> frozenset[bytes]:
    """Return the windows of everything in a resource in which no secret may stand."""
    keys = [path for path, *_ in resource.shared(_places)]
    texts = [text for _, text in resource.shared(_texts)]
    return frozenset(text[at : at + _WINDOW] for text in map(_judged, {*keys, *texts}) for at in _begins(text))


def _windows(secret: str) -> frozenset[bytes]:
    """Return the windows of a secret, in each of the ways in which it may be written."""
    raw = secret.encode(errors="surrogatepass")
    written = [secret, quote(secret, safe=""), raw.hex()]
    for order in (raw, raw[::-1]):
        # A text in base64 reads differently by where in a group of three bytes it begins.
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
        # A finding names no place whose name holds a secret.
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
    """Return what of a text is compared with secrets: nothing of one that is shorter than a part of them."""
    return _plain(text) if len(text) >= _PART else b""


def _begins(text: bytes) -> range:
    """Return where the windows begin that are looked at."""
    return range(0, len(text) - _WINDOW + 1, _STEP)


def _guessable(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path, place, value, may in resource.shared(_places):
        chosen_here = may and value != _PATTERN and not path.endswith(_CHOSEN_ELSEWHERE)
        if chosen_here and isinstance(value, SecretText) and not is_random(value):
            yield Finding(f"`{place}` can be guessed: it repeats itself, counts up, or has few different characters.")


def _literal(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    config = judgement.config
    for path, place, value, may in resource.shared(_places):
        if not may or value is UNKNOWN or value == _PATTERN:
            continue
        if not path.endswith(_CHOSEN_ELSEWHERE):
            if value not in judgement.secrets:
                yield Finding(f"`{place}` is no secret of the stack's configuration.")
            continue
        left_out = any(fnmatchcase(resource.urn, pattern) for pattern in _LEFT_OUT)
        if (
            judgement.preview
            and not left_out
            and value != config["stand_in"]
            and not _read_in_previews(path, judgement)
        ):
            yield Finding(f"`{place}` is known in a preview, which has a stand-in for what is read when it is applied.")


def _read_in_previews(path: str, judgement: Judgement) -> bool:
    """Tell whether a preview reads a secret: nothing tells it from one that stands in the program then."""
    setting = judgement.config["read_in_previews"].get(path)
    return _READS_SECRETS and setting is not None and judgement.settings.get(setting) == "true"


def is_random(secret: str) -> bool:
    """Tell whether a secret looks like one that a machine made by chance.

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
"""Types that a secret may pass through."""

RULES: Final = (
    Rule(
        id="copied-secret",
        title="Secrets that pass through stand where they have to, and nowhere else.",
        remedy="Take it out, and make a new secret: whoever has seen the plan or the state has seen this one.",
        source="https://www.pulumi.com/docs/iac/concepts/secrets/",
        severity=Severity.CRITICAL,
        check=_copied,
        early=_copied,
        scope=Scope.STACK,
    ),
    Rule(
        id="literal-secret",
        title="Secrets that pass through come from the stack's configuration or from where they are kept, and don't "
        "stand in the program.",
        remedy="Set it with `pulumi config set --secret`, or read it from Secrets Manager when it is applied "
        "(`components/kept_secret.py`). What isn't secret goes into an input for that, such as `insecureValue`.",
        source="https://www.pulumi.com/docs/iac/concepts/secrets/",
        severity=Severity.CRITICAL,
        check=_literal,
        types=_HOLDING,
        config={
            "stand_in": {
                "type": "string",
                "description": "What a preview has in the place of a secret that is read when it is applied",
                "default": "known when it is applied",
            },
            "read_in_previews": {
                "type": "object",
                "description": "Path of a secret -> key of the stack's configuration that has previews read it",
                "default": {"actions.authenticateOidc.clientSecret": "readSecretsInPreview"},
            },
        },
    ),
    Rule(
        id="guessable-secret",
        title="The header secret is made by chance.",
        remedy="Take 64 hexadecimal digits of a generator (`openssl rand -hex 32`).",
        source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
        severity=Severity.CRITICAL,
        check=_guessable,
        types=_HOLDING,
    ),
)
