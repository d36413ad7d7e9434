"""Reads Terraform's state and keeps only what identifies resources, since it contains secrets in clear text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from operations.adopt.kinds import terraform_attributes
from operations.adopt.resources import TerraformResource, TerraformState, Values
from stackfiles import text_file
from stackfiles.failures import BadConfiguration

VERSION: Final = 4
"""The format of Terraform 0.12 and later (internal/states/statefile/version4.go of hashicorp/terraform)."""
_STDIN: Final = "-"


def load(file: str) -> TerraformState:
    """Read what `terraform state pull` writes, from a file, or from standard input for `-`.

    Raises:
        BadConfiguration: it can't be read, or isn't such a state. The message quotes nothing from it.
    """
    text = sys.stdin.read() if file == _STDIN else text_file.read(Path(file))
    return read(text, "standard input" if file == _STDIN else file)


def read(text: str, source: str) -> TerraformState:
    """Read a state; `source` says where it comes from, for the error message.

    Raises:
        BadConfiguration: it isn't a state of version 4, or it has a deposed object.
    """
    accepted = f"accepted: what `terraform state pull` writes (version {VERSION})"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadConfiguration(f"{source} isn't JSON; {accepted}") from None
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION or not isinstance(document.get("resources"), list):
        raise BadConfiguration(f"{source} isn't a Terraform state; {accepted}")
    lineage, serial = document.get("lineage"), document.get("serial")
    if not isinstance(lineage, str) or not isinstance(serial, int):
        raise BadConfiguration(f"{source}: `lineage` or `serial` is missing; {accepted}")
    try:
        found = [instance for entry in document["resources"] for instance in _instances(entry, source)]
    except (KeyError, TypeError, AttributeError):
        raise BadConfiguration(f"{source}: a resource lacks its type, name or instances; {accepted}") from None
    return TerraformState(lineage, serial, str(document.get("terraform_version", "")), found)


def _instances(entry: Mapping[str, Any], source: str) -> Iterator[TerraformResource]:
    if entry["mode"] != "managed":
        return
    module, type_, name = str(entry.get("module", "")), str(entry["type"]), str(entry["name"])
    whole = ".".join(part for part in (module, type_, name) if part)
    for instance in entry["instances"]:
        index = instance.get("index_key")
        if not isinstance(index, str | int | None):
            raise TypeError("an index")
        address = whole if index is None else f"{whole}[{json.dumps(index)}]"
        if instance.get("deposed"):
            raise BadConfiguration(
                f"{source}: {address} has a deposed object, left by an interrupted `terraform apply`; accepted: a "
                "state without one, so apply again first"
            )
        yield TerraformResource(
            address,
            module,
            type_,
            name,
            index,
            str(entry.get("provider", "")),
            _identifying(type_, instance.get("attributes") or {}),
            tuple(str(other) for other in instance.get("dependencies") or ()),
        )


def _identifying(type_: str, attributes: Mapping[str, Any]) -> Values:
    """Return the attributes that identify a resource; none for a type that isn't read."""
    found = {name: tuple(values(attributes, path)) for name, path in terraform_attributes(type_).items()}
    return {name: given for name, given in found.items() if given}


def values(tree: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the texts and numbers at a path: `a.b` is `b` within `a` or within each of its elements, `a|b` is both."""
    for alternative in path.split("|"):
        yield from _values(tree, [part for part in alternative.split(".") if part])


def _values(tree: Any, parts: Sequence[str]) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(tree, list):
        for element in tree:
            yield from _values(element, parts)
    elif parts:
        if isinstance(tree, dict):
            yield from _values(tree.get(parts[0]), parts[1:])
    elif isinstance(tree, str | int | float) and not isinstance(tree, bool) and tree != "":
        yield str(tree)
