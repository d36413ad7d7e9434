"""YAML as the Pulumi CLI reads it."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from stackfiles.failures import BadConfiguration


class _DuplicateKey(yaml.YAMLError):
    """A mapping has a key twice: YAML forbids that, but the library would keep the last value."""


class Loader(yaml.CSafeLoader):
    """Loads YAML as the Pulumi CLI does.

    It refuses a duplicate key, and reads digits with a leading zero or around an `e` as a number; PyYAML reads text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping, unless it has a key twice."""
        seen: dict[str, yaml.ScalarNode] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (first := seen.setdefault(key.value, key)) is not key:
                line, other = key.start_mark.line + 1, first.start_mark.line + 1
                raise _DuplicateKey(f"line {line}: the key `{key.value}` is already on line {other}; keep one of them")
        return super().construct_mapping(node, deep)


# yamlStyleFloat in resolve.go of gopkg.in/yaml.v3
_NUMBER: Final = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty one for an empty file.

    Raises:
        BadConfiguration: the file can't be read, or isn't a mapping in YAML.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 - it is a safe loader
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path} isn't UTF-8 text (byte {error.start}); accepted: YAML in UTF-8") from None
    except _DuplicateKey as error:
        raise BadConfiguration(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise BadConfiguration(f"{path} isn't YAML: {' '.join(str(error).split())}") from None
    if document is not None and not isinstance(document, dict):
        raise BadConfiguration(f"{path}: accepted: a mapping of keys to values")
    return document or {}
