"""Compile which inputs can't be changed in place: `python -m policies.acceptance.knowledge.create_only`.

CloudFormation's schemas list the properties whose change replaces the resource (`createOnlyProperties`); cfn-lint ships
them. `create_only.yaml` has what they leave out, and where the Terraform provider differs. Reports on plans read
the result, `create_only.jsonl`: its first line names its sources, each other line is one type of the AWS or the
Cloudflare SDK.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from policies.acceptance.knowledge import PATCHES
from policies.acceptance.knowledge.inputs import Group, resources, sdk
from policies.acceptance.knowledge.matching import Services, place, plain
from policies.acceptance.knowledge.models import Schema, cfn_lint, schemas

INDEX: Final = Path(__file__).with_name("create_only.jsonl")
OWN_PATCHES: Final = Path(__file__).with_name("create_only.yaml")


def compile_index(today: dt.date) -> str:
    """Return the text of the index.

    Raises:
        ModuleNotFoundError: a package that holds a source isn't installed.
        ValueError: a patch names a type or an input that doesn't exist.
    """
    matching = yaml.safe_load(PATCHES.read_text(encoding="utf-8"))
    patches = yaml.safe_load(OWN_PATCHES.read_text(encoding="utf-8"))
    services = Services((), schemas(cfn_lint()), matching["modules"])
    unused = set(patches)
    lines = []
    for token, group in (pair for name in ("aws", "cloudflare") for pair in resources(sdk(name))):
        unused.discard(token)
        named = matching["types"].get(token, {})
        schema = services.schema(token, named.get("schema"))
        entry = {**(_entry(token, group, schema) if schema else {}), **patches.get(token, {})}
        if strange := {*entry.get("replaces", ()), *entry.get("name", ())} - {*group.inputs}:
            raise ValueError(f"{token}: it has no input {', '.join(sorted(strange))}")
        entry.pop("source", None)
        if entry.get("replaces") or token in patches:
            lines.append(json.dumps([token, entry], separators=(",", ":")))
    if unused:
        raise ValueError(f"patches of types that the SDKs don't have: {sorted(unused)}")
    heading = {"compiled": today.isoformat(), "sources": provenance_now()}
    return "\n".join([json.dumps(heading), *sorted(lines), ""])


def provenance_now() -> dict[str, dict[str, str]]:
    """Return the installed sources: name -> version and SHA-256; for the patches only the SHA-256."""
    installed = {
        source.name: {"version": source.version, "sha256": source.digest()}
        for source in (cfn_lint(), sdk("aws"), sdk("cloudflare"))
    }
    return {**installed, OWN_PATCHES.name: {"sha256": hashlib.sha256(OWN_PATCHES.read_bytes()).hexdigest()}}


def _entry(token: str, group: Group, schema: Schema) -> dict[str, list[str]]:
    document: Mapping[str, Any] = schema.document
    fixed = {*document.get("createOnlyProperties", ())}
    found = {name: property_ for name, property_ in _properties(token, group, schema) if property_ in fixed}
    identifier = [*document.get("primaryIdentifier", ())]
    chosen = set(identifier) - {*document.get("readOnlyProperties", ())}
    # The identifier is the name of a resource, unless AWS generates it; then an unchangeable input `name` is.
    names = [name for name, property_ in found.items() if property_ in chosen] if chosen == {*identifier} else []
    return {"replaces": sorted(found), **({"name": names} if names else {"name": ["name"]} if "name" in found else {})}


def _properties(token: str, group: Group, schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield each input with the place of its property in the schema."""
    owner = plain(token.rpartition(":")[2])
    for name in group.inputs:
        if found := place(schema.properties(), name, [owner]):
            yield name, "/".join(["/properties", *found[0]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the index."""
    argparse.ArgumentParser(prog="python -m policies.acceptance.knowledge.create_only", description=__doc__).parse_args(
        arguments
    )
    text = compile_index(dt.datetime.now(dt.UTC).date())
    INDEX.write_text(text, encoding="utf-8")
    print(f"{INDEX.name}: {len(text.splitlines()) - 1} types")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
