"""What a program asks for and a preview can't do."""

from __future__ import annotations

import traceback

from stackfiles.failures import Failure


class ProgramFault(Failure):
    """The program asked for something that a preview, or a rehearsal, can't do.

    `stack` holds the frames at the time of the request: the SDK drops the program's own from the traceback.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.stack = traceback.extract_stack()
