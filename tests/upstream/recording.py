"""The layer in front of the server that plays AWS: it records each call, and fails the calls that a test wants to fail.

The journal gets one line of JSON for each call: `service`, `operation`, `status`, and `asked`, the requests that IAM
would get about it, each with `action`, `resource` and `context`. It never has a parameter's value, as some are secret.
An unknown request has `unrecognized` instead.

`faults.json` beside the journal, read again whenever it changes, holds a list of faults (see `Fault`).
"""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.upstream.api_calls import ApiCall, recognize
from tests.upstream.completed_server import CompletedServer, Environ, StartResponse, body_of, handed_on
from tests.upstream.permissions import needed
from tests.upstream.refusals import Refusal, refusal


@dataclass(frozen=True)
class Fault:
    """Answers the first `times` calls of an operation, counted since the file was written, with an error.

    `code` is AWS's name of the error, `status` its HTTP status. Without these, the calls are carried out, and the
    connection is lost before the answer.
    """

    operation: str
    code: str = ""
    status: int = 0
    times: int = 1


class Faults:
    """The faults that a test has set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = 0
        self._left: list[list[Any]] = []

    def due(self, operation: str) -> Refusal | None:
        """Count a call and return its error if one is due."""
        stamp = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if stamp != self._stamp:
            self._stamp = stamp
            faults = [Fault(**fault) for fault in json.loads(self._file.read_text())] if stamp else []
            self._left = [[fault, fault.times] for fault in faults]
        for entry in self._left:
            if entry[0].operation == operation and entry[1]:
                entry[1] -= 1
                return Refusal(entry[0].code, entry[0].status, "a test's fault")
        return None


class RecordingServer:
    """The WSGI application: records each call, and answers it with a fault or passes it on.

    An SDK that gets no answer repeats the call with the same invocation id. It then gets the first answer, so that a
    lost connection creates nothing twice; AWS ensures that with tokens and names.
    """

    def __init__(self, server: CompletedServer, journal: Path) -> None:
        self._server = server
        self._journal = journal
        self._faults = Faults(journal.with_name("faults.json"))
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = body_of(environ)
        try:
            call = recognize(environ, body)
            id_ = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
            # IAM was already asked about a repeated call, and its resource may be gone by now.
            asked = [] if id_ in self._answers else [asdict(request) for request in needed(call)]
        except LookupError as error:
            self._note(unrecognized=str(error))
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
            return self._server(environ, start)
        with self._lock:
            known = self._answers.get(id_) if id_ else None
            fault = None if known else self._faults.due(call.operation)
        lost = fault is not None and not fault.status
        refused = (None if lost else fault) or (None if known else refusal(call, self._server.distributions))
        status, headers, content = known or (
            _failed(refused, call) if refused else handed_on(self._server, environ, body)
        )
        if id_ and (lost or not fault):
            self._answers[id_] = (status, headers, content)
        self._note(service=call.service, operation=call.operation, status=0 if lost else int(status[:3]), asked=asked)
        if lost:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError  # the server takes it for the client's
        start(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _note(self, **entry: object) -> None:
        with self._lock, self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")


def _failed(refused: Refusal, call: ApiCall) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return an error in the shape of the service's protocol."""
    error = f"<Error><Type>Sender</Type><Code>{refused.code}</Code><Message>{refused.message}</Message></Error>"
    shapes = {"ec2": f"<Response><Errors>{error}</Errors></Response>", "s3": error}
    if call.service in ("acm", "logs", "secretsmanager", "ssm", "wafv2"):
        text, kind = json.dumps({"__type": refused.code, "message": refused.message}), "application/x-amz-json-1.1"
    else:
        text, kind = shapes.get(call.service, f"<ErrorResponse>{error}</ErrorResponse>"), "text/xml"
    return f"{refused.status} Refused", [("Content-Type", kind)], text.encode()
