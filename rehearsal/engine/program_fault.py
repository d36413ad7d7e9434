"""The error for requests of a program that a preview can't fulfil."""

from __future__ import annotations

import traceback

from stackfiles.failures import Failure


class ProgramFault(Failure):
    """The program asked for something that a preview, or a rehearsal, can't do.

    `stack` has the frames at the time of the request, because the SDK drops the program's own from the traceback.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.stack = traceback.extract_stack()
