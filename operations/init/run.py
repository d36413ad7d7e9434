"""The steps of `init`: collect answers, write the files that depend on them, and preview."""

from __future__ import annotations

import argparse
import difflib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.settings_problems import unknown_key
from components.settings_shapes import ENVIRONMENT
from components.workload_settings import ELSEWHERE_KEYS, HERE
from operations import prompts
from operations.checks.cloudflare import TOKEN
from operations.command_line import load_web
from operations.examples import find
from operations.init import copied_project, dialogue
from operations.init.copied_project import CopiedProject
from operations.init.derived import agreed_by_hand, derive, leave_only
from operations.init.lookups import ACCOUNT, Lookups
from operations.init.offers import Offer, Offers
from operations.init.questions import (
    NAME,
    Question,
    contradictions,
    missing,
    questions,
    refusals,
    secret_keys,
)
from stackfiles import project
from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json
from stackfiles.stack_file import StackFile
from stackfiles.yaml_file import read

_HEADER: Final = """\
# Written by `make init STACK={stack}`, which changes single answers too; docs/settings.md describes every key.
"""


@dataclass(frozen=True)
class _Situation:
    """The input of a run. `scripted` has answers from the command line or a file; `people` says whether to ask."""

    folder: Path
    stack: str
    questions: Mapping[str, Question]
    files: Mapping[str, StackFile]
    name: str
    offers: Offers
    scripted: Mapping[str, Json]
    people: bool
    everything: bool

    @property
    def own(self) -> StackFile:
        """The stack's own file."""
        return self.files[self.stack]

    @property
    def makes_workloads(self) -> bool:
        """Whether the stack creates its workloads itself, so nobody is asked where they are."""
        held = self.own.entries.get("workloads")
        return self.scripted.get("workloads", held.value if held else None) == HERE


def run(options: argparse.Namespace) -> int:
    """Ask, write and preview; return the preview's exit code, or 1 if the changes weren't confirmed.

    Raises:
        BadConfiguration: an answer is missing or wrong. Nothing was written.
        Failure: the stack can't be planned, or a file can't be written. Nothing was written.
    """
    situation = _situation(options)
    answers = _collect_answers(situation)
    changed = _changed_values(situation, answers)
    with copied_project.copied(situation.folder) as work:
        notes = _write(situation, work, str(answers[NAME]), changed, only=options.only)
        changes = work.changes()
        for line in _summary(changes):
            print(line)
        if changes and situation.people and not prompts.confirm("Write this?"):
            print("Nothing was written.")
            return 1
        copied_project.put_in_place(situation.folder, [(path, after) for path, (_, after) in changes.items()])
    for line in (*notes, *_remaining_steps(situation.folder, situation.stack)):
        print(line)
    sys.stdout.flush()
    preview = [sys.executable, "-m", "rehearsal", "--stack", situation.stack, "--quiet"]
    return subprocess.run(preview, cwd=situation.folder, check=False).returncode  # noqa: S603


def _situation(options: argparse.Namespace) -> _Situation:
    folder: Path = options.project.resolve()
    stack: str = options.stack
    try:
        ENVIRONMENT(stack)
    except ValueError as error:
        raise BadConfiguration(f"--stack {stack}: {error}") from None
    if options.like:
        project.require_stack(folder, options.like)
    files = {name: StackFile(folder / f"Pulumi.{name}.yaml") for name in {*project.stacks(folder), stack}}
    name = StackFile(folder / "Pulumi.yaml", "").entries[NAME]
    web = None if options.offline else load_web(options)
    lookups = Lookups(stack, web, os.environ.get(TOKEN, ""), lambda line: print(line, file=sys.stderr))
    asked = {question.key: question for question in questions(folder)}
    return _Situation(
        folder,
        stack,
        asked,
        files,
        str(name.value),
        Offers(stack, files, options.like, None if name.example else name.value, lookups),
        _scripted_answers(stack, asked, options),
        sys.stdin.isatty() and not options.yes,
        options.all,
    )


def _scripted_answers(stack: str, asked: Mapping[str, Question], options: argparse.Namespace) -> dict[str, Json]:
    """Return the answers of `--set` and `--answers`; `--set` overrides the file.

    Raises:
        BadConfiguration: a key doesn't exist, or its answer isn't valid; all of them are listed.
    """
    given = read(options.answers) if options.answers else {}
    for text in options.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadConfiguration(f"--set {text}: accepted: KEY=VALUE")
        given[key] = value
    problems = [unknown_key(str(key), asked) for key in given if key not in asked]
    answers = {key: asked[key].read(value) for key, value in given.items() if key in asked}
    problems += [problem for key, value in answers.items() for problem in refusals(stack, key, value)]
    if problems:
        raise BadConfiguration("\n  - ".join(["these answers won't do; nothing was written:", *problems]))
    return answers


def _collect_answers(situation: _Situation) -> dict[str, Json]:
    """Return an answer to every question that needs one.

    Raises:
        BadConfiguration: answers are missing or contradict each other, and nobody can be asked.
    """
    if situation.people:
        dialogue.begin(situation.stack)
    answers: dict[str, Json] = {}
    unanswered = []
    for key, question in situation.questions.items():
        if key in ELSEWHERE_KEYS and situation.makes_workloads:
            continue
        if key in situation.scripted:
            answers[key] = situation.scripted[key]
            continue
        answered = situation.offers.answered(question)
        needed = question.required or _is_example(situation.own, key)
        # A second run asks everything again except the project's name, unless the command line has answers: then it
        # only asks for what is missing.
        settled = answered and (situation.scripted or key == NAME)
        asks = situation.people and (situation.everything or (needed and not settled))
        offer = situation.offers.offer(question, answers, look_up=asks or (needed and not answered))
        if asks:
            answers[key] = dialogue.ask(situation.stack, question, offer)
        elif offer.certain:
            answers[key] = offer.value
        elif needed:
            unanswered.append(question)
    if unanswered:
        lines = missing(situation.stack, unanswered)
        raise BadConfiguration("\n  - ".join(["answers are missing; nothing was written:", *lines]))
    while problems := contradictions(situation.stack, situation.questions.values(), answers):
        again = [key for key in situation.questions if any(problem.startswith(f"{key}:") for problem in problems)]
        if not situation.people or not again:
            raise BadConfiguration("\n  - ".join(["these answers won't do; nothing was written:", *problems]))
        print(*(f"  {problem}" for problem in problems), sep="\n")
        for key in again:
            answers[key] = dialogue.ask(situation.stack, situation.questions[key], Offer(answers.get(key)))
    return answers


def _is_example(file: StackFile, key: str) -> bool:
    entry = file.entries.get(key)
    return entry is not None and entry.example


def _changed_values(situation: _Situation, answers: Mapping[str, Json]) -> dict[str, Json]:
    """Return the answers that differ from the stack's file, and new ones that differ from the default."""
    entries = situation.own.entries
    return {
        key: value
        for key, value in answers.items()
        if key != NAME
        and (
            (entries[key].example or entries[key].value != value)
            if key in entries
            else value != situation.questions[key].default
        )
    }


def _write(
    situation: _Situation, work: CopiedProject, name: str, changed: Mapping[str, Json], *, only: bool
) -> list[str]:
    """Write the answers, and the files that depend on them, into the copy; return notes for people."""
    own = work.copy / f"Pulumi.{situation.stack}.yaml"
    if only:
        leave_only(work.copy, situation.stack)
    renamed = name != situation.name
    stacks = {situation.stack, *(project.stacks(work.copy) if renamed else ())}
    by_hand = {
        stack: not _is_example(situation.files[stack], ACCOUNT) and agreed_by_hand(work, stack)
        for stack in sorted(stacks)
    }
    if renamed:
        _rewrite(work.copy / "Pulumi.yaml", lambda file: file.with_values({NAME: name}), section="")
        for stack in project.stacks(work.copy):
            _rewrite(work.copy / f"Pulumi.{stack}.yaml", lambda file: file.without_project(situation.name))
    if not own.exists():
        own.write_text(_HEADER.format(stack=situation.stack), encoding="utf-8")
    _rewrite(own, lambda file: file.with_values(changed))
    _rewrite(own, lambda file: file.with_stand_ins(secret_keys(situation.folder), situation.stack))
    return derive(work, by_hand)


def _rewrite(path: Path, change: Callable[[StackFile], str], section: str = "config") -> None:
    path.write_text(change(StackFile(path, section)), encoding="utf-8")


def _summary(changes: Mapping[Path, tuple[bytes | None, bytes | None]]) -> Iterator[str]:
    """Yield a line for each file that changes; the files in the project's root also show their changed lines."""
    if not changes:
        yield "The files already match the answers; nothing to write."
    for path, contents in changes.items():
        before, after = ((content or b"").decode(errors="replace").splitlines() for content in contents)
        lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        if path.parent == Path() and contents[1] is not None:
            yield from (f"  {line}" for line in lines if not line.startswith("@@"))
        what = "new" if contents[0] is None else "removed" if contents[1] is None else "changed"
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        yield f"{what:8} {path}  +{added} -{removed}"


def _remaining_steps(folder: Path, stack: str) -> Iterator[str]:
    """Yield what is left to do before the stack can be applied."""
    for example in find(folder, stack):
        if example.key in secret_keys(folder):
            set_it = f"openssl rand -hex 32 | pulumi config set --secret {example.key} --stack {stack}"
            yield f"Set this before `make up`: {set_it}"
        else:
            yield f"Still an example: {example.file}:{example.line}  {example.key}"
    others = [name for name in project.stacks(folder) if name != stack]
    examples = [name for name in others if _is_example(StackFile(folder / f"Pulumi.{name}.yaml"), ACCOUNT)]
    if examples:
        yield f"Stacks with example values: {', '.join(examples)}. `--only` removes all other stacks."
