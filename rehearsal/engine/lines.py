"""Finds the lines of the program that registered a resource, and those that wrote a policy statement in it.

Lines have the engine's format: `project:///FILE#LINE`, with FILE relative to the project's folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import unquote, urlsplit

from pulumi.runtime.proto import resource_pb2, source_pb2

import rehearsal
import stackfiles
from stackfiles.json_type import Json

_OWN: Final = tuple(f"{Path(package.__path__[0])}{os.sep}" for package in (rehearsal, stackfiles))
"""Folders of the embedded engine, which can be within the project's folder."""

_OFFERED: Final = ("components.iam_documents", "lines_of_statements")
"""A module and a function that a program can have to tell which lines wrote the statements of a document. The function
maps the document's text to Sid -> lines (`FILE:LINE`), the nearest first."""

_CONSTRUCTORS: Final = 3


def belongs_to_program(path: str, folder: Path) -> bool:
    """Return whether a file is in the project's folder and isn't a library's or the embedded engine's."""
    return path.startswith(f"{folder}{os.sep}") and "site-packages" not in path and not path.startswith(_OWN)


def stack_trace() -> source_pb2.StackTrace:
    """Return the callers of the class of a resource that is being created, the nearest first.

    It replaces the SDK's function, which reads the source of each caller again for each resource. Like the SDK's, it
    takes the third constructor for the class's own, because two of the SDK's come before it.
    """
    frame: FrameType | None = sys._getframe(1)
    constructors = 0
    while frame is not None and constructors < _CONSTRUCTORS:
        constructors += frame.f_code.co_name == "__init__"
        frame = frame.f_back
    frames = []
    while frame is not None:
        frames.append(_frame(frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return source_pb2.StackTrace(frames=frames)


@cache
def _frame(file: str, line: int) -> source_pb2.StackFrame:
    # Code that isn't in a file, such as `<frozen runpy>`, has no position.
    position = source_pb2.SourcePosition(uri=Path(file).as_uri(), line=line) if os.path.isabs(file) else None
    return source_pb2.StackFrame(pc=position)


def lines_of_registration(request: resource_pb2.RegisterResourceRequest, folder: Path) -> list[str]:
    """Return the line that registered a resource, then its callers in the program, the nearest first."""
    _, *callers = [frame.pc for frame in request.stackTrace.frames] or [None]
    led = [_line(caller, folder) for caller in callers if caller and _is_program(caller.uri, folder)]
    return [_line(request.sourcePosition, folder), *led]


def lines_of_statements(inputs: Mapping[str, Json]) -> dict[str, list[str]]:
    """Return the lines that wrote the policy statements in a resource's inputs, if the program tells: Sid -> lines."""
    module, function = _OFFERED
    tell = getattr(sys.modules.get(module), function, None)
    if tell is None:
        return {}
    told: Sequence[Mapping[str, Sequence[str]]] = [tell(value) for value in inputs.values() if isinstance(value, str)]
    return {
        sid: [f"project:///{line.replace(':', '#')}" for line in lines]
        for document in told
        for sid, lines in document.items()
    }


def _line(position: source_pb2.SourcePosition, folder: Path) -> str:
    return f"project:///{_file(position.uri, folder)}#{position.line}" if position.uri else ""


@cache
def _file(uri: str, folder: Path) -> str:
    return os.path.relpath(_path(uri), folder)


@cache
def _is_program(uri: str, folder: Path) -> bool:
    return belongs_to_program(_path(uri), folder)


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path)
