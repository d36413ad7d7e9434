"""Policy documents inside packages of the registry: read from the archives, never installed or committed."""

from __future__ import annotations

import ast
import hashlib
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

SOURCES: Final = {"cloudsplaining": "0.9.1", "policy_sentry": "0.15.2", "tf_policy_validator": "0.0.9", "moto": "5.2.5"}
"""Source distributions that contain test documents; those of parliament 1.6.4 and Checkov 3.3.30 have none.

tf-policy-validator is AWS's own client for IAM Access Analyzer; moto checks documents as IAM does.
"""
MANAGED_POLICIES: Final = ("moto", "5.2.5")
"""The wheel with the AWS managed policies, as AWS published them."""


def documents(archives: Path, name: str) -> dict[str, Json]:
    """Return the policy documents in the tests of a source distribution by the digest of each (see `digest`)."""
    found: dict[str, Json] = {}
    with tarfile.open(archives / f"{name}-{SOURCES[name]}.tar.gz") as archive:
        for member in archive:
            content = archive.extractfile(member) if "test" in member.name.lower() else None
            if content is not None and member.name.endswith((".py", ".json")):
                for document in _file_documents(member.name, content.read()):
                    found[digest(document)] = document
    return found


def managed_policies(archives: Path) -> dict[str, Json]:
    """Return the AWS managed policies: name -> document of the default version."""
    name, version = MANAGED_POLICIES
    with zipfile.ZipFile(archives / f"{name}-{version}-py3-none-any.whl") as wheel:
        source = wheel.read("moto/iam/aws_managed_policies.py").decode()
    [text] = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return {name: policy["Document"] for name, policy in json.loads(str(text)).items()}


def digest(document: Json) -> str:
    """Return the first twelve digits of the SHA-256 of a document's canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _file_documents(name: str, content: bytes) -> Iterator[Json]:
    if name.endswith(".json"):
        yield from _nested_documents(content.decode(errors="replace"))
        return
    try:
        tree = ast.parse(content)
    except SyntaxError:
        return
    yield from _source_documents(tree)


def _source_documents(node: ast.AST) -> Iterator[Json]:
    if isinstance(node, (ast.Dict, ast.List, ast.Constant)):
        try:
            yield from _nested_documents(ast.literal_eval(node))
        except (ValueError, TypeError):
            pass
        else:
            return
    for child in ast.iter_child_nodes(node):
        yield from _source_documents(child)


def _nested_documents(value: Json) -> Iterator[Json]:
    """Yield every mapping with a `Statement`, also inside JSON text."""
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        else:
            for item in value.values():
                yield from _nested_documents(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nested_documents(item)
    elif isinstance(value, str) and '"Statement"' in value:
        try:
            yield from _nested_documents(json.loads(value))
        except ValueError:
            return
