"""Computes a provider's answer in a preview: how it changes the inputs, and what it adds.

Stack rules see the answer, not the inputs. Two files beside this one record, type by type, how the answers of the
Terraform AWS provider's own code differ from the inputs: `planned_answers.json`, and `planned_workload_answers.json`
for what is added by a stack that creates its workloads. tests/upstream writes the records and compares them with that
code. For a type that isn't in them, the answer has the inputs, and each computed attribute as unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final, TypedDict

from rehearsal.engine.computed import attributes
from rehearsal.engine.properties import is_secret
from stackfiles.json_type import Json
from stackfiles.plan_document import UNKNOWN

RECORD: Final = Path(__file__).with_name("planned_answers.json")
WORKLOADS: Final = Path(__file__).with_name("planned_workload_answers.json")
"""The record for what is added by a stack that creates its workloads."""

CERTIFICATE: Final = "aws:acm/certificate:Certificate"
"""The type whose names the provider computes by itself (CustomizeDiff in its code)."""


class Answer(TypedDict, total=False):
    """How a type's answers differ from the inputs. A path has dots between names, and `*` for each list item."""

    added: dict[str, Json]
    """Path -> the value in the answer if the inputs have none."""
    unknown: list[str]
    """Paths that are unknown in the answer if the inputs have no value there."""
    whole: list[str]
    """Inputs that are unknown as a whole when any part of them is: Terraform plans sets that way."""
    sorted: list[str]
    """Inputs that are returned in alphabetical order: sets of texts; those under `whole` are too."""
    document: list[str]
    """Inputs with a policy document, which is returned as Go writes JSON: sorted keys, no spaces."""
    legacy_document: list[str]
    """The same, but with the version first."""


@cache
def record(*files: Path) -> Mapping[str, Answer]:
    """Return the recorded answers by type, from the given records or from both."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files or (RECORD, WORKLOADS)]
    return merged((type_, answer) for document in documents for type_, answer in document["answers"].items())


def source(file: Path) -> str:
    """Return the provider code that a record was made with."""
    text: str = json.loads(file.read_text(encoding="utf-8"))["source"]
    return text


def merged(answers: Iterable[tuple[str, Answer]]) -> dict[str, Answer]:
    """Merge many answers into a record: pairs of a type and what was observed with some of its resources."""
    found: dict[str, Answer] = {}
    for type_, answer in answers:
        whole = found.setdefault(type_, {})
        for key, value in answer.items():
            if isinstance(value, dict) and value:
                whole["added"] = dict(sorted({**whole.get("added", {}), **value}.items()))
            elif value:
                whole[key] = sorted({*whole.get(key, []), *value})  # type: ignore[literal-required,misc]
    return dict(sorted(found.items()))


def planned(type_: str, inputs: Mapping[str, Json], region: str = "") -> dict[str, Json]:
    """Return a resource as stack rules see it in a preview, except for its id.

    `region` is the provider's own, if it is known: it is the default for every type that has a region.
    """
    answer = record().get(type_, {})
    properties: dict[str, Json] = {name: _planned(name, value, answer) for name, value in inputs.items()}
    if type_ == CERTIFICATE:
        properties |= _certificate(inputs)
    for path, value in answer.get("added", {}).items():
        _add(properties, path.split("."), value)
    for path in answer.get("unknown", []):
        _add(properties, path.split("."), UNKNOWN)
    computed = attributes(type_)
    if "tagsAll" in computed:
        properties.setdefault("tagsAll", properties.get("tags", {}))
    if region and "region" in computed:
        properties.setdefault("region", region)
    return {**{name: UNKNOWN for name in computed if name not in properties}, **properties}


def _planned(name: str, value: Json, answer: Answer) -> Json:
    """Return the answer's value for an input, or for a path within one."""
    if name in answer.get("whole", []) and has_unknown(value):
        return UNKNOWN
    is_set = name in (*answer.get("sorted", []), *answer.get("whole", []))
    if is_set and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value, key=str)
    if name in answer.get("document", []) and isinstance(value, str):
        return as_go_writes(value)
    if name in answer.get("legacy_document", []) and isinstance(value, str):
        return as_go_writes(value, first="Version")
    if isinstance(value, dict) and any(path.startswith(f"{name}.") for path in answer.get("whole", [])):
        return {inner: _planned(f"{name}.{inner}", item, answer) for inner, item in value.items()}
    return deepcopy(value)


def _certificate(inputs: Mapping[str, Json]) -> dict[str, Json]:
    """Return the provider's answer for a certificate's names: all names, and a future validation record for each."""
    given = inputs.get("subjectAlternativeNames", [])
    if not isinstance(given, list) or has_unknown([inputs.get("domainName"), *given]):
        return {"subjectAlternativeNames": UNKNOWN, "domainValidationOptions": UNKNOWN}
    names = sorted({str(name) for name in (inputs.get("domainName", UNKNOWN), *given)})
    future_record = {f"resourceRecord{part}": UNKNOWN for part in ("Name", "Type", "Value")}
    options: list[Json] = [{"domainName": name, **future_record} for name in names]
    return {"subjectAlternativeNames": [*names], "domainValidationOptions": options}


def has_unknown(value: Json) -> bool:
    """Return whether a value is unknown or contains something unknown."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else value == UNKNOWN


def as_go_writes(text: str, first: str = "") -> str:
    """Return a JSON text as Go's encoding/json writes it; a text that isn't an object (an unknown) stays as it is.

    `first` is a key that is written before all others.

    >>> print(as_go_writes('{"b": "<1>", "a": [1, 2]}'), as_go_writes('{"b": 1, "a": 2}', first="b"))
    {"a":[1,2],"b":"\\u003c1\\u003e"} {"b":1,"a":2}
    """
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if not isinstance(document, dict):
        return text
    ordered = _ordered(document)
    whole = {**({first: ordered[first]} if first in ordered else {}), **ordered}
    written = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    return written.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def _ordered(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _add(properties: Json, path: Sequence[str], value: Json) -> None:
    """Set a value at a path, wherever it leads to a place without one."""
    if is_secret(properties):
        return _add(properties["value"], path, value)
    name, *rest = path
    if name == "*" and isinstance(properties, list):
        for item in properties:
            _add(item, rest, value)
    elif isinstance(properties, dict) and rest:
        _add(properties.get(name), rest, value)
    elif isinstance(properties, dict):
        properties.setdefault(name, deepcopy(value))
