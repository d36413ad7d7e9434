"""Resources of a plan as Terraform JSON, and what `terraform validate` says about them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stackfiles.plan_document import UNKNOWN
from tests.upstream.terraform_types import terraform_name

Json = Any

PLUGINS: Final = "TERRAFORM_PLUGINS"
"""The environment variable that names the folder with Terraform's plugins, laid out as a mirror."""

_UNKNOWN: Final = "${var.unknown}"
"""Placeholder for a value that isn't known at preview: `validate` doesn't know the values of variables."""


def missing(provider: str = "hashicorp/aws") -> str:
    """Return what `Terraform` needs and this machine lacks, or an empty text."""
    mirror = Path(os.environ.get(PLUGINS, "/nowhere"), "registry.terraform.io", provider)
    needed = {
        "`terraform` on the path": shutil.which("terraform"),
        f"{PLUGINS}, a folder with Terraform's provider {provider} laid out as a mirror": mirror.is_dir(),
    }
    return (
        "missing: " + ", ".join(name for name, there in needed.items() if not there) if not all(needed.values()) else ""
    )


_PROVIDER: Final = {
    "region": "eu-central-1",
    "access_key": "none",
    "secret_key": "none",
    "skip_credentials_validation": True,
    "skip_metadata_api_check": True,
    "skip_requesting_account_id": True,
}


class Terraform:
    """A folder with the AWS provider, which needs no account."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.left_out: set[str] = set()
        """Type and property of given values that this provider has no argument for."""
        mirror = json.dumps(os.environ[PLUGINS])
        (folder / "terraform.rc").write_text(
            f"provider_installation {{\n  filesystem_mirror {{ path = {mirror} }}\n}}\n"
        )
        self._write({})
        self._run("init", "-backend=false", "-input=false")
        schemas = json.loads(self._run("providers", "schema", "-json"))["provider_schemas"]
        self._schemas: Mapping[str, Json] = next(iter(schemas.values()))["resource_schemas"]
        self.version = json.loads(self._run("version", "-json"))["provider_selections"].popitem()[1]

    def refused(self, resources: Mapping[str, tuple[str, Mapping[str, Json]]]) -> dict[str, frozenset[str]]:
        """Return label -> the errors about it. `resources` maps a label to type and inputs."""
        blocks: dict[str, dict[str, Json]] = {}
        for label, (token, inputs) in resources.items():
            if kind := self.kind(token):
                block = self._block(self._schemas[kind]["block"], inputs, kind)
                blocks.setdefault(kind, {})[label] = block
        lines = self._write(blocks)
        answer = json.loads(self._run("validate", "-json", check=False))
        errors: dict[str, frozenset[str]] = {}
        for item in answer["diagnostics"]:
            place = item.get("address", "").rpartition(".")[2]
            line = item.get("range", {}).get("start", {}).get("line", 0)
            if item["severity"] == "error" and (label := place or lines.get(line, "")):
                told = f"{item['summary']} {item['detail']}".strip()
                errors[label] = errors.get(label, frozenset()) | {told}
        return errors

    def kind(self, token: str) -> str | None:
        """Return the Terraform type of a resource type, or None if the provider lacks it."""
        _, module, name = token.split(":")
        guesses = (terraform_name(token), f"aws_{module.partition('/')[0]}_{_snake(name)}", f"aws_{_snake(name)}")
        return next((guess for guess in guesses if guess in self._schemas), None)

    def _block(self, schema: Mapping[str, Json], values: Mapping[str, Json], path: str) -> dict[str, Json]:
        attributes, below = schema.get("attributes", {}), schema.get("block_types", {})
        made: dict[str, Json] = {}
        for key, value in values.items():
            name = next((name for name in _singular(_snake(key)) if name in attributes or name in below), "")
            if name in below:
                items = value if isinstance(value, list) else [value]
                inner = below[name]["block"]
                made[name] = [
                    self._block(inner, item, f"{path}.{key}") if isinstance(item, Mapping) else item for item in items
                ]
            elif name:
                made[name] = _escaped(value)
            else:
                self.left_out.add(f"{path}.{key}")
        return made

    def _write(self, blocks: Mapping[str, Mapping[str, Json]]) -> dict[int, str]:
        """Write the configuration with one resource a line; return line -> label."""
        heading = {
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "provider": {"aws": _PROVIDER},
            "variable": {"unknown": {}},
        }
        text, lines = json.dumps(heading)[:-1], dict[int, str]()
        kinds = []
        line = 3
        for kind, labels in blocks.items():
            rows = []
            for label, block in labels.items():
                line += 1
                lines[line] = label
                rows.append(f"{json.dumps(label)}: {json.dumps(block)}")
            kinds.append(f"{json.dumps(kind)}: {{\n" + ",\n".join(rows) + "}")
            line += 1
        resources = ',\n"resource": {\n' + ",\n".join(kinds) + "}" if kinds else ""
        (self._folder / "main.tf.json").write_text(f"{text}{resources}}}\n")
        return lines

    def _run(self, *arguments: str, check: bool = True) -> str:
        terraform = shutil.which("terraform")
        if not terraform:
            raise FileNotFoundError("there is no `terraform` on the path")
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(self._folder / "terraform.rc")}
        answer = subprocess.run(
            [terraform, *arguments], cwd=self._folder, env=environment, check=check, capture_output=True, text=True
        )
        return answer.stdout


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _singular(name: str) -> Iterator[str]:
    yield name
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("s"):
        yield from (name[:-1], name[:-2])


def _escaped(value: Json) -> Json:
    if value == UNKNOWN:
        return _UNKNOWN
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Sequence):
        return [_escaped(item) for item in value]
    if isinstance(value, Mapping):
        return {_snake(key) if key[:1].islower() else key: _escaped(item) for key, item in value.items()}
    return value
