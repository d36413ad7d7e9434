"""The text of a stack file: its values, which of them are examples, and changes of single values.

A change leaves everything else as it is, including comments and order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json
from stackfiles.yaml_file import Loader, read

MARK: Final = re.compile(r"#\s*EXAMPLE\b")
"""Begins the comment beside a placeholder for a fact of the owner."""

_UNREADABLE: Final = "v1:EXAMPLE:EXAMPLE"
"""A secret that no key opens."""

_PLAIN: Final = re.compile(r"(?!0o)[A-Za-z0-9][\w./-]*")
"""Text that needs no quotes, unless YAML reads it as another type, such as a number."""


@dataclass(frozen=True)
class Entry:
    """A key with its value. `key` is as in the file; the numbers are positions in the file's text."""

    key: str
    value: Json
    example: bool
    key_start: int
    key_end: int
    value_end: int
    line_end: int


class StackFile:
    """The text of a `Pulumi.<stack>.yaml`, or of `Pulumi.yaml`.

    Args:
        path: The file; a missing file counts as empty.
        section: The key of the mapping that holds the values; "" for the document itself.
    """

    def __init__(self, path: Path, section: str = "config") -> None:
        self._path = path
        self._section = section
        document = read(path) if path.exists() else {}
        self.text = path.read_text(encoding="utf-8") if path.exists() else ""
        self._values = (document.get(section) or {}) if section else document
        if not isinstance(self._values, dict):
            raise BadConfiguration(f"{path}: `{section}` must be a mapping of keys to values")

    @property
    def entries(self) -> dict[str, Entry]:
        """Key without the project's name -> entry, in the order of the file."""
        return {_without_project(entry.key): entry for entry in self._entries()}

    def _entries(self) -> Iterator[Entry]:
        node = self._mapping()
        for key, value in node.value if node else ():
            name = str(key.value)
            key_end, value_end = _end(key), _end(value)
            line_end = self.text.find("\n", value_end)
            line_end = len(self.text) if line_end < 0 else line_end
            beside = self.text[key_end : value.start_mark.index] + self.text[value_end:line_end]
            found = self._values[name]
            yield Entry(name, found, bool(MARK.search(beside)), key.start_mark.index, key_end, value_end, line_end)

    def _mapping(self) -> yaml.MappingNode | None:
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        if self._section and node is not None:
            node = next((value for key, value in node.value if key.value == self._section), None)
        return node if isinstance(node, yaml.MappingNode) else None

    def with_values(self, values: Mapping[str, Json]) -> str:
        """Return the text with new values, whose example marks are removed. New keys come last.

        Raises:
            BadConfiguration: the file is written in a way that this can't edit.
        """
        entries, text = self.entries, self.text
        for key, entry in reversed(entries.items()):
            if key in values:
                comment = text[entry.value_end : entry.line_end]
                kept = "" if MARK.search(comment) else comment
                text = f"{text[: entry.key_end]}: {_written(values[key])}{kept}{text[entry.line_end :]}"
        new = "".join(f"  {key}: {_written(value)}\n" for key, value in values.items() if key not in entries)
        return self._require({**self._plain_values(), **values}, self._with_lines(text, new))

    def with_stand_ins(self, keys: Iterable[str], stack: str) -> str:
        """Return the text with a value that no key decrypts for each secret that the stack's owner has yet to set.

        Raises:
            BadConfiguration: as for `with_values`.
        """
        missing = [key for key in keys if key not in self.entries]
        lines = "".join(
            f"  # Set yours: openssl rand -hex 32 | pulumi config set --secret {key} --stack {stack}\n"
            f"  {key}:  # EXAMPLE that no key opens\n    secure: {_UNREADABLE}\n"
            for key in missing
        )
        stand_in: Json = {"secure": _UNREADABLE}
        return self._require(
            {**self._plain_values(), **dict.fromkeys(missing, stand_in)}, self._with_lines(self.text, lines)
        )

    def without_project(self, name: str) -> str:
        """Return the text without the project's name before its keys."""
        text = self.text
        for entry in reversed(list(self._entries())):
            if entry.key.startswith(f"{name}:"):
                text = text[: entry.key_start] + _without_project(entry.key) + text[entry.key_end :]
        return text

    def _with_lines(self, text: str, lines: str) -> str:
        """Return a text with lines added at the end of its section, which is created if it is missing."""
        if not lines:
            return text
        ends = [entry.line_end for entry in self._entries()]
        place = max(ends) + len(text) - len(self.text) if ends else len(text)
        before, after = text[:place].rstrip("\n"), text[place:].lstrip("\n")
        heading = "" if ends or not self._section else f"{self._section}:\n"
        return f"{before}\n{heading}{lines}{after}" if before else f"{heading}{lines}{after}"

    def _plain_values(self) -> dict[str, Json]:
        return {_without_project(key): value for key, value in self._values.items()}

    def _require(self, wanted: Mapping[str, Json], text: str) -> str:
        """Return a text if it holds the wanted values when it is read as the Pulumi CLI reads it."""
        try:
            document = yaml.load(text, Loader=Loader)  # noqa: S506 - it is a safe loader
            held = document[self._section] if self._section else document
            found = {_without_project(key): value for key, value in held.items()}
        except (yaml.YAMLError, KeyError, TypeError, AttributeError):
            found = {}
        if found != wanted:
            raise BadConfiguration(
                f"{self._path}: `{self._section or 'the file'}` is written in a way that can't be edited here; "
                "accepted: one line for each key"
            )
        return text


def _without_project(key: str) -> str:
    """Return a key without the project's name; keys of providers stay unchanged.

    >>> _without_project("acme-platform:vpcId"), _without_project("aws:region")
    ('vpcId', 'aws:region')
    """
    namespace, _, name = key.rpartition(":")
    return key if namespace in ("aws", "cloudflare", "pulumi") else name


def _end(node: yaml.Node) -> int:
    """Return where a node's text ends. A list or mapping without brackets ends with its last item."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[-1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _written(value: Json) -> str:
    """Return a value as YAML on one line; text that YAML could read as another type is in quotes.

    >>> print(_written(["vpc-0a1b", "123456789012", "true"]), _written(True), _written(30))
    [vpc-0a1b, "123456789012", "true"] true 30
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and yaml.load(value, Loader=Loader) == value:  # noqa: S506 - it is a safe loader
        return value
    return json.dumps(value, ensure_ascii=False)
