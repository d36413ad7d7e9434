"""Text from others, such as a resource's name, as a report shows it."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Characters that control a terminal, are invisible, or change the order of others; all but tab and newline."""


def visible(text: str) -> str:
    r"""Return text with each control character written as its escape.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def visible_line(text: str) -> str:
    r"""Return text as one line, with each control character written as its escape.

    >>> visible_line("a\nb")
    'a\\nb'
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
