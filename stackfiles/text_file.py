"""Text files that a command line names: an error in reading or writing one takes one line."""

from __future__ import annotations

from pathlib import Path

from stackfiles.failures import BadConfiguration


def read(file: Path) -> str:
    """Return a file's text.

    Raises:
        BadConfiguration: it can't be read, or isn't UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: {getattr(error, 'strerror', None) or 'is not text'}") from None


def write(file: Path, text: str, option: str = "") -> None:
    """Write a file; `option` is the option that names it, for the error.

    Raises:
        BadConfiguration: it can't be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"{option} {file}: {error.strerror}".lstrip()) from None
