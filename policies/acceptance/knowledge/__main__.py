"""Compile the index of accepted values: `python -m policies.acceptance.knowledge`."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import yaml

from policies.acceptance.knowledge import INDEX, PATCHES
from policies.acceptance.knowledge.compiling import API, SCHEMA, Counts, Table
from policies.acceptance.knowledge.inputs import Group, resources, sdk
from policies.acceptance.knowledge.matching import Services
from policies.acceptance.knowledge.models import apis, botocore, cfn_lint, schemas

_FORMATS: Final = {
    "AWS::EC2::SecurityGroup.Id": "^sg-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::Subnet.Id": "^subnet-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::VPC.Id": "^vpc-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::Image.Id": "^ami-([0-9a-z]{8}|[0-9a-z]{17})$",
}
"""Format that cfn-lint gives to properties -> its pattern
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html)."""


def compile_index(today: dt.date) -> tuple[str, Counts]:
    """Return the text of the index, and counts of the patterns that were used and refused.

    The first line names its sources; each other line is a module of an SDK.

    Raises:
        ModuleNotFoundError: a package that holds a source isn't installed.
        ValueError: a patch names a type, a path or a member that doesn't exist.
    """
    patches: Mapping[str, Any] = yaml.safe_load(PATCHES.read_text(encoding="utf-8"))
    api, schema = botocore(), cfn_lint()
    services = Services(apis(api), schemas(schema), patches["modules"])
    counts = Counts()
    tables: dict[str, Table] = {}
    unused = set(patches["properties"])
    sdks = [sdk("aws"), sdk("cloudflare")]
    for token, group in chain.from_iterable(map(resources, sdks)):
        name = token.partition("/")[0]
        unused.discard(token)
        table = tables.setdefault(name, Table(_FORMATS, patches["everywhere"], counts))
        _add(table, token, group, services, patches)
    if unused:
        raise ValueError(f"patches of types that the SDKs don't have: {sorted(unused)}")
    lines = [[name, tables[name].document()] for name in sorted(tables)]
    heading = {
        "compiled": today.isoformat(),
        "sources": provenance_now(),
        "refused": len(counts.refused),
        "dangerous": len(counts.dangerous),
        "patterns": len(counts.patterns),
    }
    return "\n".join([json.dumps(heading), *(json.dumps(line, separators=(",", ":")) for line in lines), ""]), counts


def provenance_now() -> dict[str, dict[str, str]]:
    """Return the installed sources: name -> version and SHA-256; for the patches only the SHA-256."""
    installed = {
        source.name: {"version": source.version, "sha256": source.digest()}
        for source in (botocore(), cfn_lint(), sdk("aws"), sdk("cloudflare"))
    }
    return {**installed, PATCHES.name: {"sha256": hashlib.sha256(PATCHES.read_bytes()).hexdigest()}}


def _add(table: Table, token: str, group: Group, services: Services, patches: Mapping[str, Any]) -> None:
    named = patches["types"].get(token, {})
    schema = services.schema(token, named.get("schema"))
    operations = services.operations(token, named.get("operations"))
    own = dict(patches["properties"].get(token, {}))
    for path, moved in patches["aliases"].get(token, {}).items():
        own[path] = {**own.get(path, {}), "alias": moved}
    table.add(
        token,
        group,
        {API: [shape for _, shape in operations], SCHEMA: [schema.properties()] if schema else []},
        [operations[0][0] if operations else "", schema.name if schema else ""],
        own,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the index, or only list the patterns that can't be used."""
    parser = argparse.ArgumentParser(prog="python -m policies.acceptance.knowledge", description=__doc__)
    parser.add_argument("--refused", action="store_true", help="write nothing; list the patterns that can't be used")
    options = parser.parse_args(arguments)
    text, counts = compile_index(dt.datetime.now(dt.UTC).date())
    if options.refused:
        print(
            *sorted(counts.refused),
            *(f"{one}\tmay take exponential time" for one in sorted(counts.dangerous)),
            sep="\n",
        )
        return 0
    INDEX.write_text(text, encoding="utf-8")
    print(
        f"{INDEX.name}: {sum(counts.constraints.values())} constraints, {len(counts.patterns)} patterns, "
        f"{len(counts.refused)} refused, {len(counts.dangerous)} dangerous"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
