"""Finds the parts of the SDKs that the program uses, from its source."""

from __future__ import annotations

import re
from pathlib import Path

_COMPONENTS = Path(__file__).resolve().parent.parent / "components"


def sdk_names() -> list[str]:
    """Return the names of the SDKs that the program uses, such as `aws.iam.Role`.

    The SDK loads a module when one of its names is first used; naming the module alone would load nothing.
    """
    sources = "\n".join(file.read_text(encoding="utf-8") for file in _COMPONENTS.glob("*.py"))
    return sorted(set(re.findall(r"(?<![.\w])((?:aws\.[a-z0-9_]+|cloudflare)\.\w+)", sources)))
