"""Questions to the person at the terminal."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr


def ask_hidden(prompt: str) -> SecretStr:
    """Read a secret without showing it: from the terminal, or a line of standard input."""
    from pydantic import SecretStr

    text = getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    return SecretStr(text)


def confirm(question: str) -> bool:
    """Ask a yes-or-no question; without a terminal, or if the input ends, the answer is no."""
    try:
        return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
