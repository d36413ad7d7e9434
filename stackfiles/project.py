"""The files that the Pulumi CLI reads before it starts a program: `Pulumi.yaml` and one stack's configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json

_STACK_FILE: Final = "Pulumi.{}.yaml"
_NOT_FOLLOWED: Final = {
    "stackConfigDir": "the stacks' files beside Pulumi.yaml",
    "plugins": "the providers of the locked packages",
    "environment": "values in the stack's own file",
}
"""Keys that make the CLI take values or code from places that reviewers and the gate don't see -> what is accepted
instead (sdk/go/common/workspace/project.go of pulumi/pulumi)."""


@dataclass(frozen=True)
class Project:
    """A project and one of its stacks.

    `config` has the values that the program can read, as text or JSON text, without secret ones; `secret_keys` are the
    keys whose value is encrypted in the stack file. `problems` are faults that make the Pulumi CLI refuse the stack;
    they are kept here so that the program can report its own, clearer problems first.
    """

    name: str
    stack: str
    folder: Path
    program: Path
    config: Mapping[str, str]
    secret_keys: tuple[str, ...]
    problems: tuple[str, ...]

    def setting(self, key: str) -> str:
        """Return the value of a key of the project, or an empty text; `key` is without the project's name."""
        return self.config.get(f"{self.name}:{key}", "")


def stacks(folder: Path) -> list[str]:
    """Return the names of the stacks that have a `Pulumi.<stack>.yaml`, in alphabetical order."""
    before, after = _STACK_FILE.split("{}")
    files = (path for path in folder.glob(_STACK_FILE.format("*")) if path.is_file())
    return sorted(path.name.removeprefix(before).removesuffix(after) for path in files)


def default_stack(folder: Path) -> str:
    """Return the stack for a command that names none: the only stack if there is just one, or else production."""
    found = stacks(folder)
    return found[0] if len(found) == 1 else "prod"


def pulumi_version(folder: Path) -> str:
    """Return the version of the Pulumi CLI to install: the first one in `requiredPulumiVersion`.

    Raises:
        BadConfiguration: `Pulumi.yaml` can't be read or names no version.
    """
    path = folder / "Pulumi.yaml"
    version = re.search(r"\d+\.\d+\.\d+", str(_read(path).get("requiredPulumiVersion", "")))
    if version is None:
        raise BadConfiguration(
            f"{path}: `requiredPulumiVersion` names no version; accepted: a version of the Pulumi CLI, or a range "
            "that begins with one, such as >=3.260.0 <4.0.0"
        )
    return version[0]


GATE: Final = "gate"
"""The pack that serves every other pack of a project, with its configuration (policies/gate)."""


def packs(folder: Path) -> list[Path]:
    """Return the folders of a project's policy packs, in alphabetical order, without the gate.

    Raises:
        BadConfiguration: there is none.
    """
    found = sorted(path.parent for path in folder.glob("policies/*/PulumiPolicy.yaml") if path.parent.name != GATE)
    if not found:
        raise BadConfiguration(f"there is no policy pack under {folder / 'policies'}: nothing would be judged")
    return found


def attached(folder: Path) -> list[Path]:
    """Return the folders that an engine starts: a project's gate, which serves every pack, or else each pack.

    Raises:
        BadConfiguration: there is no pack, or only a part of a gate.
    """
    found, gate = packs(folder), folder / "policies" / GATE
    if (gate / "PulumiPolicy.yaml").is_file():
        return [gate]
    if (only_for_gate := folder / "policies" / "config" / "packs.json").exists():
        raise BadConfiguration(
            f"there is no {gate / 'PulumiPolicy.yaml'}, but {only_for_gate} lists what the gate serves; accepted: both "
            "files, or neither"
        )
    return found


def policy_config(folder: Path, pack: Path, stack: str) -> Path | None:
    """Return the file with a pack's configuration for a stack, `policies/config/<pack>.<stack>.json`, or None."""
    path = folder / "policies" / "config" / f"{pack.name}.{stack}.json"
    return path if path.is_file() else None


def require_stack(folder: Path, stack: str) -> Path:
    """Return the file of a stack.

    Raises:
        BadConfiguration: it is missing or not a file; the text names the stacks that exist.
    """
    path = folder / _STACK_FILE.format(stack)
    if not path.is_file():
        what = "is a folder; accepted: a file with the stack's configuration" if path.is_dir() else "is missing"
        known = ", ".join(stacks(folder)) or "none"
        raise BadConfiguration(f"there is no stack `{stack}`: {path} {what}; stacks here: {known}")
    return path


def load(folder: Path, stack: str) -> Project:
    """Read a project and the configuration of one stack, with the defaults of `Pulumi.yaml`.

    Raises:
        BadConfiguration: a file is missing, isn't YAML, has a key twice, or lacks a key that every project needs.
    """
    document = _read(folder / "Pulumi.yaml")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise BadConfiguration(f"{folder / 'Pulumi.yaml'}: `name` is missing; accepted: the project's name")
    path = require_stack(folder, stack)
    own = _read(path)
    for file, content in ((folder / "Pulumi.yaml", document), (path, own)):
        for key in content.keys() & _NOT_FOLLOWED.keys():
            raise BadConfiguration(f"{file}: `{key}` isn't supported here; accepted: {_NOT_FOLLOWED[key]}")
    given: dict[str, Json] = {}
    for key, value in _mapping(own, "config", path).items():
        full = _full_key(name, key)
        if full in given:
            raise BadConfiguration(f"{path}: `{full}` has two values, one of them without `{name}:`; keep one")
        given[full] = value
    problems: list[str] = []
    for key, entry in _mapping(document, "config", folder / "Pulumi.yaml").items():
        full = _full_key(name, key)
        declared = entry if isinstance(entry, dict) else {"value": entry}
        source = path.name
        if full not in given:
            source = "Pulumi.yaml"
            given[full] = declared.get("default", declared.get("value"))
        if given[full] is None:
            del given[full]
            if full.startswith(f"{name}:"):
                problems.append(f"{path.name}: `{key}` is missing")
        elif problem := _problem(given[full], declared):
            problems.append(f"{source}: `{key}` {problem}")
    secret_keys = tuple(sorted(key for key, value in given.items() if _is_secret(value)))
    return Project(
        name=name,
        stack=stack,
        folder=folder,
        program=folder / str(document.get("main", ".")),
        config={key: config_text(value) for key, value in sorted(given.items()) if key not in secret_keys},
        secret_keys=secret_keys,
        problems=tuple(problems),
    )


def _read(path: Path) -> dict[str, Any]:
    # Imported here, because commands that only print their help don't need it.
    from stackfiles.yaml_file import read

    return read(path)


def _mapping(document: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise BadConfiguration(f"{path}: `{key}` must be a mapping of keys to values")
    return {str(name): entry for name, entry in value.items()}


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _is_secret(value: Json) -> bool:
    """Tell whether a value is encrypted, wholly or in part: the engine treats the whole key as secret."""
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_is_secret(item) for item in value.values())
    return isinstance(value, list) and any(_is_secret(item) for item in value)


def config_text(value: Json) -> str:
    """Return a value as the program reads it: text as it is, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def _problem(value: Json, declared: Mapping[str, Any]) -> str:
    """Return why the CLI refuses a value, or nothing. It only looks at keys with a type (pkg/workspace/config.go)."""
    if "type" not in declared:
        return ""
    if _is_secret(value):
        return ""
    if declared.get("secret"):
        return "is a secret, so it must be encrypted (`pulumi config set --secret`), and can't have a default"
    # The CLI reads every value other than a list or a mapping as text.
    if not _fits(value if isinstance(value, list | dict) else config_text(value), declared):
        return f"must be of type {declared['type']}"
    return ""


def _fits(value: Json, declared: Mapping[str, Any]) -> bool:
    """Tell whether a value is of a declared type (ValidateConfigValue in sdk/go/common/workspace)."""
    match declared.get("type"):
        case "string":
            return isinstance(value, str)
        case "integer":
            return bool(re.fullmatch(r"[+-]?\d+", value if isinstance(value, str) else config_text(value)))
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "object":
            return isinstance(value, dict)
        case "array":
            items = declared.get("items") or {}
            return isinstance(value, list) and bool(items) and all(_fits(item, items) for item in value)
        case _:
            return False
