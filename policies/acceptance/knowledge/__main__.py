"""Compile what AWS and Cloudflare accept: `python -m policies.acceptance.knowledge`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from policies.acceptance.knowledge import INDEX, PATCHES
from policies.acceptance.knowledge.compiling import API, SCHEMA, Counts, Table
from policies.acceptance.knowledge.inputs import Sdk
from policies.acceptance.knowledge.matching import Services
from policies.acceptance.knowledge.models import Source, apis, schemas

_FORMATS: Final = {
    "AWS::EC2::SecurityGroup.Id": "^sg-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::Subnet.Id": "^subnet-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::VPC.Id": "^vpc-([a-f0-9]{8}|[a-f0-9]{17})$",
    "AWS::EC2::Image.Id": "^ami-([0-9a-z]{8}|[0-9a-z]{17})$",
}
"""Formats that cfn-lint puts on properties -> what they mean
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html)."""


def compile_index(today: dt.date) -> tuple[str, Counts]:
    """Return the text of the index, and what became of the patterns.

    The first line says where it comes from; each other line is a module of the SDK.

    Raises:
        ModuleNotFoundError: a package that holds a source isn't installed.
        ValueError: a patch names a path or a member that isn't there.
    """
    patches: Mapping[str, Any] = yaml.safe_load(PATCHES.read_text(encoding="utf-8"))
    botocore, cfn_lint = Source("botocore"), Source("cfn-lint")
    services = Services(apis(botocore), schemas(cfn_lint), patches["modules"])
    sdks = [Sdk("aws"), Sdk("cloudflare")]
    counts = Counts()
    tables: dict[str, Table] = {}
    unused = {(token, path) for token, paths in patches["properties"].items() for path in paths}
    for sdk in sdks:
        for token, group in sdk.resources():
            named = patches["types"].get(token, {})
            schema = services.schema(token, named.get("schema"))
            operations = services.operations(token, named.get("operations"))
            table = tables.setdefault(token.partition("/")[0], Table(_FORMATS, patches["everywhere"], counts))
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
            unused -= {(token, path) for path in own}
    if unused:
        raise ValueError(f"patches of types that the SDK doesn't have: {sorted(unused)}")
    sources = [botocore, cfn_lint, *(sdk.source for sdk in sdks)]
    heading = {
        "compiled": today.isoformat(),
        "sources": {source.name: {"version": source.version, "sha256": source.digest()} for source in sources},
        "refused": len(counts.refused),
        "dangerous": len(counts.dangerous),
        "patterns": len(counts.patterns),
    }
    lines = [[name, tables[name].document()] for name in sorted(tables)]
    return "\n".join([json.dumps(heading), *(json.dumps(line, separators=(",", ":")) for line in lines), ""]), counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the index, or only show what can't be used."""
    parser = argparse.ArgumentParser(prog="python -m policies.acceptance.knowledge", description=__doc__)
    parser.add_argument("--refused", action="store_true", help="write nothing; list the patterns that aren't used")
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
