"""Policy documents: from JSON text to statements, with every defect named.

The grammar is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. A document that breaks
it has problems. The parts that can be read are still returned as statements, so that other rules judge them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from policies.least_privilege.language.conditions import Condition, Conditions

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""What a JSON text holds."""

LONGEST: Final = 200_000
"""Characters of the longest document that is read. AWS's own limits are far lower: 32 kB for a key policy, and less for
all others but a few that only AWS writes
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

_MOST_RESOURCES: Final = 800
"""Resources of one document. The longest one that a customer may write, a bucket's of 20 kB, has no room for more."""

_LONGEST_TEXT: Final = 2048
"""Characters of the longest action, resource, principal or condition value that is read: those of the longest ARN."""

CURRENT: Final = "2012-10-17"
_VERSIONS: Final = (CURRENT, "2008-10-17")


class Kind(Enum):
    """What a document is for, which decides what elements its statements must and must not have."""

    __hash__ = object.__hash__  # members are compared by identity; Enum's own `__hash__` is slow, being Python

    IDENTITY = "identity policy"
    BOUNDARY = "permissions boundary"
    TRUST = "trust policy"
    RESOURCE = "resource policy"


class Principal(NamedTuple):
    """One principal. `kind` is AWS, Service, Federated or CanonicalUser; `*` alone is an AWS principal."""

    kind: str
    name: str


@dataclass(slots=True, eq=False)
class Statement:
    """One statement as IAM reads it, never changed. A single string becomes a tuple of one.

    Compared by identity, so statements can be keys of caches: hashing a thousand actions takes longer than answering
    most questions about them.
    """

    where: str
    """How messages name the statement: by its position, and its `Sid` if it has one."""
    allow: bool
    actions: tuple[str, ...]
    """In lower case, since IAM ignores the case of actions."""
    negated_actions: bool
    """Whether they come from `NotAction`; the same for the other two."""
    resources: tuple[str, ...]
    negated_resources: bool
    principals: tuple[Principal, ...]
    negated_principals: bool
    conditions: Conditions


class Document(NamedTuple):
    """A document. `problems` is empty if its grammar is one that IAM accepts."""

    statements: tuple[Statement, ...]
    problems: tuple[str, ...]


class _Malformed(Exception):
    """The text isn't JSON as IAM reads it."""


@lru_cache(4096)
def parse(text: str, kind: Kind) -> Document:
    """Read a document. It never raises: whatever is wrong is in `problems`."""
    if len(text) > LONGEST:
        return Document((), (f"it has {len(text)} characters; no policy of AWS may have more than {LONGEST}",))
    try:
        content = _DECODER.decode(text)
    except _Malformed as malformed:
        return Document((), (str(malformed),))
    except json.JSONDecodeError as error:
        return Document((), (f"it isn't JSON: {error.msg} at line {error.lineno}, column {error.colno}",))
    except (RecursionError, ValueError):
        # ValueError: a number of more digits than Python converts.
        return Document((), ("its JSON can't be read: it's nested too deeply or holds too long a number",))
    problems: list[str] = []
    if "\\u00" in text and _HIDDEN.search(text):
        problems.append("it writes letters or digits as `\\u` escapes, which hide what it names")
    statements = tuple(_statements(content, kind, problems))
    named = sum(len(statement.resources) for statement in statements)
    if named > _MOST_RESOURCES:
        return Document((), (f"it names {named} resources; no policy of AWS has room for more than {_MOST_RESOURCES}",))
    return Document(statements, tuple(problems))


_HIDDEN: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u00(?:2[d-f]|3[0-9a]|[46][1-9a-f]|[57][0-9a]|5f)", re.IGNORECASE)
"""An escape of a letter, a digit or one of `-./:_`. No tool writes one, and a search for an account or an address in
the text would miss it."""


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Malformed(
            f"it has the key `{_shorten(next(n for n in names if names.count(n) > 1))}` twice in one object"
        )
    return content


def _refuse_constant(name: str) -> Json:
    raise _Malformed(f"it holds {name}, which isn't JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _statements(content: Json, kind: Kind, problems: list[str]) -> Iterator[Statement]:
    if not isinstance(content, dict):
        problems.append("it must be a JSON object")
        return
    problems += [f"it has the unknown element `{_shorten(key)}`" for key in content if key not in _DOCUMENT_ELEMENTS]
    version = content.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        problems.append(f"its `Version` must be {CURRENT}")
    if not isinstance(content.get("Id", ""), str):
        problems.append("its `Id` must be a string")
    entries = content.get("Statement")
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list) or not entries:
        problems.append("it needs a `Statement`: an object or a list of objects, not empty")
        return
    sids: set[str] = set()
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            problems.append(f"statement {index + 1} must be an object")
            continue
        yield _Reader(entry, index, kind, version == CURRENT, problems).statement(sids)


_DOCUMENT_ELEMENTS: Final = frozenset(("Version", "Id", "Statement"))
_ELEMENTS: Final = frozenset(
    "Sid Effect Action NotAction Resource NotResource Principal NotPrincipal Condition".split()
)
_PRINCIPALS: Final = ("Principal", "NotPrincipal")
_PRINCIPAL_KINDS: Final = ("AWS", "Service", "Federated", "CanonicalUser")
_SID: Final = re.compile(r"[A-Za-z0-9]*")
_SCALARS: Final = (str, bool, int, float)
_NO_CONDITIONS: Final = Conditions()


class _Reader:
    """Reads one statement and notes its problems."""

    def __init__(self, entry: dict[str, Json], index: int, kind: Kind, current: bool, problems: list[str]) -> None:
        self._entry = entry
        self._kind = kind
        self._current = current
        self._problems = problems
        sid = entry.get("Sid")
        self._where = f"statement {index + 1}" + (f" (`{_shorten(sid)}`)" if isinstance(sid, str) and sid else "")

    def statement(self, sids: set[str]) -> Statement:
        entry, kind = self._entry, self._kind
        if not entry.keys() <= _ELEMENTS:
            for name in entry.keys() - _ELEMENTS:
                self._note(f"has the unknown element `{_shorten(name)}`")
        self._sid(sids)
        effect = entry.get("Effect")
        if effect not in ("Allow", "Deny"):
            self._note("needs an `Effect` of Allow or Deny")
        actions, negated_actions = self._either("Action", required=True)
        names_resources = kind in (Kind.IDENTITY, Kind.BOUNDARY)
        resources, negated_resources = self._either("Resource", required=names_resources)
        if kind is Kind.TRUST and ("Resource" in entry or "NotResource" in entry):
            self._note("has a `Resource`; a trust policy is about the role itself and can't name one")
        principals, negated_principals = self._principals()
        return Statement(
            self._where,
            # Whatever isn't a plain Deny is judged as an Allow.
            effect != "Deny",
            tuple(map(str.lower, actions)),
            negated_actions,
            # A resource policy that names no resource is about the one that it's attached to.
            resources if names_resources or resources else ("*",),
            negated_resources,
            principals,
            negated_principals,
            Conditions(self._conditions()) if "Condition" in entry else _NO_CONDITIONS,
        )

    def _note(self, problem: str) -> None:
        self._problems.append(f"{self._where} {problem}")

    def _sid(self, sids: set[str]) -> None:
        sid = self._entry.get("Sid", "")
        if not isinstance(sid, str):
            self._note("has a `Sid` that isn't a string")
        elif sid:
            if self._kind is not Kind.RESOURCE and not _SID.fullmatch(sid):
                self._note("has a `Sid` with characters other than letters and digits")
            if sid in sids:
                self._note("has the `Sid` of another statement")
            sids.add(sid)

    def _either(self, name: str, required: bool) -> tuple[tuple[str, ...], bool]:
        """Return the texts of an element or of its `Not` form, and whether it's the latter."""
        entry, negation = self._entry, f"Not{name}"
        if name in entry:
            if negation in entry:
                self._note(f"has both `{name}` and `{negation}`")
            return self._texts(entry[name], name), False
        if negation in entry:
            return self._texts(entry[negation], negation), True
        if required:
            self._note(f"needs `{name}`")
        return (), False

    def _texts(self, value: Json, name: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if plain := self._plain(values):
            return plain
        if not values:
            self._note(f"has an empty `{name}`")
        texts = []
        for text in values:
            if not isinstance(text, str) or not text:
                self._note(f"has a value of `{name}` that isn't a non-empty string")
            elif len(text) > _LONGEST_TEXT:
                self._note(f"has a value of `{name}` with more than {_LONGEST_TEXT} characters")
            else:
                if not self._current and "${" in text:
                    self._note(f"has a policy variable, which needs `Version` {CURRENT}")
                texts.append(text)
        return tuple(texts)

    def _plain(self, values: Sequence[Json]) -> tuple[str, ...]:
        """Return the values if all are plainly right, as nearly always; empty if one may have a problem."""
        if self._current and {*map(type, values)} == {str}:
            texts = tuple(map(str, values))
            if all(texts) and max(map(len, texts)) <= _LONGEST_TEXT:
                return texts
        return ()

    def _principals(self) -> tuple[tuple[Principal, ...], bool]:
        wanted = self._kind in (Kind.TRUST, Kind.RESOURCE)
        if self._entry.keys().isdisjoint(_PRINCIPALS):
            if wanted:
                self._note("needs a `Principal`")
            return (), False
        present = [name for name in _PRINCIPALS if name in self._entry]
        if len(present) == 2:
            self._note("has both `Principal` and `NotPrincipal`")
        if not wanted:
            self._note(f"has a `{present[0]}`, which only trust policies and resource policies can have")
        value = self._entry[present[0]]
        if value == "*":
            return (Principal("AWS", "*"),), present[0] == "NotPrincipal"
        if not isinstance(value, dict) or not value:
            self._note(f'has a `{present[0]}` that is neither "*" nor an object such as {{"AWS": ...}}')
            return (), present[0] == "NotPrincipal"
        principals = []
        for kind, names in value.items():
            if kind not in _PRINCIPAL_KINDS:
                self._note(f"has a principal of the unknown kind `{_shorten(kind)}`")
            principals += [Principal(kind, name) for name in self._texts(names, f"{present[0]}.{_shorten(kind)}")]
        return tuple(principals), present[0] == "NotPrincipal"

    def _conditions(self) -> Iterator[Condition]:
        block = self._entry.get("Condition", {})
        if not isinstance(block, dict):
            self._note("has a `Condition` that isn't an object")
            return
        for operator, keys in block.items():
            if not isinstance(keys, dict) or not keys:
                self._note(f"has a condition `{_shorten(operator)}` that isn't an object of keys")
                continue
            for key, values in keys.items():
                yield self._condition(operator, key, values)

    def _condition(self, operator: str, key: str, values: Json) -> Condition:
        qualifier, separator, name = operator.lower().partition(":")
        if not separator:
            qualifier, name = "", qualifier
        if_exists = name.endswith("ifexists")
        return Condition(
            name.removesuffix("ifexists"),
            qualifier,
            if_exists,
            key.lower(),
            self._values(values, key),
        )

    def _values(self, values: Json, key: str) -> tuple[str, ...]:
        values = values if isinstance(values, list) else [values]
        return self._plain(values) or tuple(self._read_values(values, key))

    def _read_values(self, values: Sequence[Json], key: str) -> Iterator[str]:
        if not values:
            self._note(f"has a condition on `{_shorten(key)}` without a value")
        for value in values:
            if not isinstance(value, _SCALARS):
                self._note(f"has a condition on `{_shorten(key)}` whose value isn't a string, number or boolean")
            elif isinstance(value, str):
                if len(value) > _LONGEST_TEXT:
                    self._note(f"has a condition value of more than {_LONGEST_TEXT} characters")
                    continue
                if "${" in value and not self._current:
                    self._note(f"has a policy variable, which needs `Version` {CURRENT}")
                yield value
            else:
                yield json.dumps(value)
