"""The table of other entrances matches the installed SDKs, and each entry of it works."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distribution

import pytest

from policies.entry_points.other_entrances import ALWAYS, BLOCKED, BLOCKS, CLOSED, PRIVATE_BY_ABSENCE, Shut
from tests.policies.analyzer import UNKNOWN, Json, StartPack

_RESOURCE = re.compile(r"super\((?P<name>\w+), __self__\).__init__\(\s*'(?P<type>[a-z]+:[\w/]+:\w+)'")
_PUBLIC = re.compile(
    "publiclyAccessible|associatePublicIp|assignPublicIp|mapPublicIp|createPublicIp|endpointPublicAccess"
    "|publicConnectivity|directInternet|webserverAccess"
)
"""The SDK's names of properties that open a resource to the public."""


@cache
def inputs() -> Mapping[str, frozenset[str]]:
    """Resource type -> names of its inputs, camelCase, read from the SDKs' source (importing them takes minutes)."""
    found: dict[str, frozenset[str]] = {}
    for sdk in ("pulumi-aws", "pulumi-cloudflare"):
        for file in distribution(sdk).files or ():
            if file.suffix == ".py" and not file.name.startswith(("_", "get_", "outputs")):
                text = file.locate().read_text(encoding="utf-8")  # type: ignore[attr-defined]
                if resource := _RESOURCE.search(text):
                    _, _, after = text.partition(f"class {resource['name']}Args:")
                    parameters = after.partition("def __init__(")[2].partition("):\n")[0]
                    names = re.findall(r"^\s+(\w+): ", parameters, re.MULTILINE)
                    old = re.findall(r"type_=\"([^\"]+)\"", text)
                    for type_ in (resource["type"], *old):
                        found[type_] = frozenset(
                            re.sub(r"_([a-z0-9])", lambda part: part[1].upper(), name) for name in names
                        )
    return found


def paths() -> Iterator[tuple[str, str]]:
    yield from ((type_, shut.path) for type_, shut in CLOSED.items())
    yield from PRIVATE_BY_ABSENCE.items()
    yield from ((type_, path) for type_ in BLOCKS for path in BLOCKED)


def test_types_and_properties_exist() -> None:
    for type_, path in paths():
        assert type_ in inputs(), type_
        assert path == ALWAYS or path.partition(".")[0] in inputs()[type_], (type_, path)


def test_every_property_for_public_access_is_in_the_table() -> None:
    public = {(type_, name) for type_, names in inputs().items() for name in names if _PUBLIC.match(name)}
    assert public - set(paths()) == set()
    assert len(public) > 20


def nested(path: str, value: Json) -> dict[str, Json]:
    """Properties with a value at a path; a `*` is a list with one item."""
    step, _, rest = path.partition(".")
    below = nested(rest, value) if rest and not rest.startswith("*.") else value
    if rest.startswith("*."):
        below = [nested(rest[2:], value)]
    return {step: below}


OPEN: Mapping[str, Json] = {"False": True, "True": False, "None": "something"}


@pytest.mark.parametrize(("type_", "shut"), sorted(CLOSED.items()), ids=sorted(CLOSED))
def test_a_type_is_refused_unless_it_is_shut(pack: StartPack, type_: str, shut: Shut) -> None:
    judge = pack("entry_points")

    def refused(properties: dict[str, Json]) -> bool:
        found = judge.resource(type_, properties)
        return any(item.rule == "another-entrance" and "The rule failed" not in item.message for item in found)

    if shut.path == ALWAYS:
        assert refused({})
        return
    absent = any(shut.default is value or shut.default == value for value in shut.values)
    if ".*." not in shut.path:
        assert refused({}) != absent
    for value in shut.values:
        assert not refused(nested(shut.path, value))
    for value in (OPEN.get(str(shut.values[0]), "PUBLIC"), UNKNOWN, {"a": 1}, 7):
        assert refused(nested(shut.path, value)), value
    if shut.values != (None,):
        assert refused(nested(shut.path, [*shut.values, "PUBLIC"]))
