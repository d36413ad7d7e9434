"""What ends a command early, each with its exit code."""

from __future__ import annotations


class Failure(Exception):
    """A step couldn't be done. The text is all that the user needs to see; it never holds a secret value."""

    exit_code = 1


class BadConfiguration(Failure):
    """The command line, the stack's configuration or the credentials are wrong: nothing was done."""

    exit_code = 2
