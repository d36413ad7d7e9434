"""Compile the table of taggable types from the installed Pulumi AWS SDK.

Run it after an update of the SDK: `python -m policies.naming.compile_taggable`.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution
from typing import Final

from policies.naming.taggable import TABLE

_SDK: Final = "pulumi-aws"

_RESOURCE: Final = re.compile(r"super\((?P<name>\w+), __self__\).__init__\(\s*'(?P<type>aws:[\w/]+:\w+)'")
_TAGS: Final = re.compile(r"^\s+tags: pulumi\.Input\[.*(?:Mapping\[str|GroupTagArgs)", re.MULTILINE)


def compile_table() -> str:
    """Return the text of the table for the installed SDK: the resource types that have an input `tags`.

    It reads the SDK's source instead of importing it, which would take minutes of processor time.
    """
    sdk = distribution(_SDK)
    types: set[str] = set()
    for file in sdk.files or ():
        if file.suffix == ".py":
            text = file.locate().read_text(encoding="utf-8")  # type: ignore[attr-defined]
            if (resource := _RESOURCE.search(text)) and _TAGS.search(_arguments(text, resource["name"])):
                types.add(resource["type"])
    return "\n".join([f"{_SDK} {sdk.version}", *sorted(types), ""])


def _arguments(text: str, name: str) -> str:
    """Return the parameters of a resource's `Args` class."""
    _, _, after = text.partition(f"class {name}Args:")
    _, _, parameters = after.partition("def __init__(")
    return parameters.partition("):\n")[0]


if __name__ == "__main__":
    TABLE.write_text(compile_table(), encoding="utf-8")
