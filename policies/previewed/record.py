"""The record of a preview: a tree of digests for each resource, kept in a file until the update is done.

`pulumi up` previews in one process of the pack and applies in another. Both read the file's path and the key from
environment variables, which the command that starts `pulumi up` sets. The key is never written, so the file alone
reveals nothing about a value.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from policies.rulebook import ASSET, UNKNOWN, Json, Resource, SecretText

FILE: Final = "PREVIEW_RECORD_FILE"
"""Variable with the file's path."""
KEY: Final = "PREVIEW_RECORD_KEY"
"""Variable with the key of the digests."""

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | None"
"""A value with a digest for each text, number or flag in it, and None for each value that the preview didn't know."""

SECRET: Final = "secret "
"""Prefix of the digest of a secret text."""
_ASSET: Final = "asset"
"""Stands for a file or an archive. The engine doesn't send its content, so two are never known to be the same."""
_ABSENT: Final = "absent"


class NoRecord(Exception):
    """There is no record of a preview; the text says why."""


class Record:
    """The record of one preview. `file` and `key` are empty where nobody asked for one."""

    def __init__(self, file: str, key: str) -> None:
        self._file = Path(file) if file and key else None
        self._key = key.encode()
        self._resources: dict[str, Tree] = {}
        self._read: Mapping[str, Tree] | None = None

    def add(self, resource: Resource) -> None:
        """Note a resource of this preview."""
        if self._file:
            self._resources[resource.urn] = self.tree(resource)

    def write(self) -> None:
        """Write the noted resources to the file, for the update.

        Raises:
            OSError: the file can't be written.
        """
        if self._file:
            self._file.write_text(json.dumps(self._resources), encoding="utf-8")

    def previewed(self) -> Mapping[str, Tree]:
        """Return the resources of the preview: URN -> tree.

        Raises:
            NoRecord: nobody asked for a record, or the file doesn't hold one.
        """
        if self._read is None:
            if not self._file:
                raise NoRecord("the environment doesn't say where it is")
            try:
                document = json.loads(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise NoRecord(f"its file can't be read ({type(error).__name__})") from None
            if not isinstance(document, dict) or not all(isinstance(tree, dict) for tree in document.values()):
                raise NoRecord("its file holds something else")
            self._read = document
        return self._read

    def tree(self, resource: Resource) -> Tree:
        """Return a resource's inputs and options as digests."""
        return self._digests(
            {
                **resource.properties,
                "(protect)": resource.protected,
                "(parent)": resource.parent,
                "(provider)": resource.provider,
                "(additionalSecretOutputs)": sorted(resource.secret_outputs),
            }
        )

    def _digests(self, value: Json) -> Tree:
        if isinstance(value, Mapping):
            return {key: self._digests(item) for key, item in value.items()}
        if isinstance(value, str):
            return f"{SECRET if isinstance(value, SecretText) else ''}{self._digest(b'text ' + value.encode())}"
        if isinstance(value, list):
            return [self._digests(item) for item in value]
        if value is UNKNOWN:
            return None
        return _ASSET if value is ASSET else self._digest(json.dumps(value).encode())

    def _digest(self, content: bytes) -> str:
        return hmac.digest(self._key, content, "sha256").hex()


def differing(before: Tree, now: Tree, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the path of each value that has changed, and whether it is a secret text now and was one before.

    A value that wasn't known before may have become anything.
    """
    if before is None:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from differing(before.get(key, _ABSENT), now.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from differing(old, new, f"{path}.{index}")
    elif before != now or before == _ASSET:
        yield path, all(isinstance(tree, str) and tree.startswith(SECRET) for tree in (before, now))
