"""The questions of `init`: how an answer is read and checked.

The questions are the keys of a stack's configuration that `Pulumi.yaml` declares, and the provider's keys in the
program's settings. An answer is valid if the program's settings accept it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components import settings
from components.settings_problems import QUOTES, ConfigurationError, is_sequence
from components.settings_shapes import Shape
from components.workload_settings import ELSEWHERE_KEYS
from stackfiles.json_type import Json
from stackfiles.project import config_text
from stackfiles.yaml_file import read

NAME: Final = "name"
"""The question about the project's name, which is in `Pulumi.yaml`."""

_NAME: Final = Shape(
    r"(?=.{2,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "2 to 40 lower-case letters, digits and single hyphens between them, such as acme-platform",
)
"""The project's name is the first part of every role's path, and a tag of every resource."""

_PROJECT: Final = "project"
"""A placeholder for the project's name in front of the keys."""

Answers = Mapping[str, Json]
"""Key, without the project's name -> value."""


@dataclass(frozen=True)
class Question:
    """A key to be answered. `kind` is its type in `Pulumi.yaml`; a required one has no default.

    The keys in `ELSEWHERE_KEYS` name resources that others create. They are required too, but not asked for if the
    program creates these resources itself.
    """

    key: str
    text: str
    kind: str = "string"
    default: Json = None

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is None

    def read(self, given: Json) -> Json:
        """Convert an answer to its form in the stack file. One of the wrong kind stays as it is, and is refused later.

        >>> Question("privateSubnetIds", "", "array").read("subnet-01, subnet-02")
        ['subnet-01', 'subnet-02']
        """
        if self.kind == "array":
            items = re.findall(r"[^\s,\[\]\"']+", given) if isinstance(given, str) else given
            return [config_text(item) for item in (items if isinstance(items, list) else [items])]
        text = config_text(given).strip()
        if self.kind == "integer" and re.fullmatch(r"-?\d{1,9}", text):
            return int(text)
        return text == "true" if self.kind == "boolean" and text in ("true", "false") else text


def questions(folder: Path) -> list[Question]:
    """Return every question: the project's name, required keys, then keys with a default. Secrets are never asked for.

    Raises:
        BadConfiguration: `Pulumi.yaml` can't be read.
    """
    declared = read(folder / "Pulumi.yaml").get("config") or {}
    found = [
        *(
            Question(key, field.description or "", "array" if is_sequence(field) else "string")
            for key, field in settings.FIELDS.items()
            if ":" in key
        ),
        *(
            Question(key, entry["description"], entry["type"], None if key in ELSEWHERE_KEYS else entry.get("default"))
            for key, entry in declared.items()
            if not entry.get("secret")
        ),
    ]
    name = Question(NAME, "Name of the project; the first part of its roles' path, and a tag of every resource")
    return [name, *sorted(found, key=lambda question: not question.required)]


def secret_keys(folder: Path) -> list[str]:
    """Return the keys that `Pulumi.yaml` declares as secrets."""
    declared = read(folder / "Pulumi.yaml").get("config") or {}
    return [key for key, entry in declared.items() if entry.get("secret")]


def refusals(stack: str, key: str, value: Json) -> list[str]:
    """Return the problems of a single answer, each with what is accepted."""
    if key == NAME:
        try:
            _NAME(config_text(value))
        except ValueError as error:
            return [f"{NAME}: `{value}` won't do; {error}"]
        return []
    return [
        problem.removesuffix(f"; {QUOTES}")
        for problem in _problems(stack, {key: value})
        if problem.startswith((f"{key}:", f"{key}["))
    ]


def missing(stack: str, unanswered: Iterable[Question]) -> list[str]:
    """Return a line for each question without an answer: its key, what is accepted, what it means."""
    problems = {
        problem.partition(": is missing")[0]: problem
        for problem in [f"{NAME}: is missing; accepted: {_NAME.accepted}", *_problems(stack, {})]
    }
    return [f"{problems.get(one.key, f'{one.key}: is missing')} ({one.text})" for one in unanswered]


def contradictions(stack: str, all_questions: Iterable[Question], answers: Answers) -> list[str]:
    """Return the problems of a complete set of answers, each of which is valid on its own."""
    defaults = {question.key: question.default for question in all_questions if not question.required}
    return _problems(stack, {**defaults, **{key: value for key, value in answers.items() if key != NAME}})


def _problems(stack: str, answers: Answers) -> list[str]:
    values = {**{key: config_text(value) for key, value in answers.items()}, **settings.placeholders()}
    config = {key if ":" in key else f"{_PROJECT}:{key}": text for key, text in values.items()}
    try:
        settings.parse(_PROJECT, stack, config, [f"{_PROJECT}:{key}" for key in settings.SECRET_KEYS])
    except ConfigurationError as error:
        return error.problems
    return []
