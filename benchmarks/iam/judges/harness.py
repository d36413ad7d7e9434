"""The common part of every judge: load the tool, time it on each document, write the results.

It measures the processor time of the process, so other load on the machine doesn't matter.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Judge = Callable[[dict[str, Any]], Sequence[str]]
"""A labelled document -> findings; a document without findings passes."""


class NoVerdict(Exception):
    """The tool doesn't judge this kind of document."""


def run(load: Callable[[str], Judge]) -> None:
    """Judge the documents of the file in the first argument and write to the file in the second; the third is the mode.

    A judge gets the policies, one or those of a bundle, as JSON texts under `texts`.

    The output has `load_ms`, `memory_mb` (peak resident, including the interpreter), and for each document its findings
    (None for no verdict), `error` if the tool raised, and `seconds`.
    """
    documents_path, result_path, mode = sys.argv[1:4]
    with open(documents_path, encoding="utf-8") as file:
        documents = json.load(file)
    for document in documents:
        # The engine passes text, so making the text doesn't count for any tool.
        document["texts"] = [json.dumps(policy) for policy in document["policies"] or [document["document"]]]
    start = time.process_time()
    judge = load(mode)
    load_ms = (time.process_time() - start) * 1000
    verdicts = {document["key"]: _judged(judge, document) for document in documents}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump({"load_ms": load_ms, "memory_mb": memory, "verdicts": verdicts}, file)


def _judged(judge: Judge, document: dict[str, Any]) -> dict[str, Any]:
    start = time.process_time()
    findings: list[str] | None
    error = ""
    try:
        findings = list(judge(document))
    except NoVerdict:
        findings = None
    except Exception as raised:
        findings, error = [], type(raised).__name__
    return {"findings": findings, "error": error, "seconds": time.process_time() - start}
