"""What ends a rehearsal early, each with its exit code."""

from __future__ import annotations

import traceback


class Failure(Exception):
    """The program, the engine or a pack failed. The text is all that the user needs to see."""

    exit_code = 1


class ProgramFault(Failure):
    """The program asked for what a preview, or a rehearsal, can't do.

    `stack` is where that was found: the SDK drops the program's own frames from the traceback.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.stack = traceback.extract_stack()


class BadConfiguration(Failure):
    """The project, a stack file, a policy configuration or the command line is wrong."""

    exit_code = 2
