"""What ends a rehearsal early, each with its exit code."""

from __future__ import annotations


class Failure(Exception):
    """The program, the engine or a pack failed. The text is all that the user needs to see."""

    exit_code = 1


class BadConfiguration(Failure):
    """The project, a stack file, a policy configuration or the command line is wrong."""

    exit_code = 2
