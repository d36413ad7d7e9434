"""Asks the questions of `init` at a terminal, with choices and messages about wrong answers."""

from __future__ import annotations

import contextlib
from typing import Final

from operations.init.offers import Offer
from operations.init.questions import Question, refusals
from stackfiles.failures import Failure
from stackfiles.json_type import Json
from stackfiles.project import config_text
from stackfiles.visible_text import visible_line

_SHOWN: Final = 20
"""How many choices a question lists; any other value can be typed."""


def begin(stack: str) -> None:
    """Print an introduction."""
    # Lets people edit what they type, if Python has readline.
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401
    print(
        f"Questions about the stack `{stack}`. Press Enter to accept the value in brackets, or type a number to pick "
        "a choice. Nothing is written until you confirm at the end."
    )


def ask(stack: str, question: Question, offer: Offer) -> Json:
    """Ask until an answer is valid, and return it.

    Raises:
        Failure: the input ended.
    """
    print(f"\n{question.key}: {question.text}")
    for number, choice in enumerate(offer.choices[:_SHOWN], 1):
        print(f"  {number:2}  {visible_line(str(choice))}")
    if (more := len(offer.choices) - _SHOWN) > 0:
        print(f"      and {more} more")
    default = question.default if offer.value is None else offer.value
    while True:
        try:
            typed = input(f"{question.key}{_bracketed(default)}: ").strip()
        except EOFError:
            raise Failure("the input ended before the last answer; nothing was written") from None
        answer = question.read(_chosen(typed, offer)) if typed else default
        if answer is None:
            print("  An answer is needed.")
        elif problems := refusals(stack, question.key, answer):
            print(*(f"  {visible_line(problem)}" for problem in problems), sep="\n")
        else:
            return answer


def _bracketed(default: Json) -> str:
    """Return a default in brackets, as it would be typed."""
    if default in (None, "", []):
        return ""
    return f" [{', '.join(map(str, default)) if isinstance(default, list) else config_text(default)}]"


def _chosen(typed: str, offer: Offer) -> str:
    """Return what was typed, with each number of a choice replaced by its value."""
    numbers = {str(number): choice.value for number, choice in enumerate(offer.choices[:_SHOWN], 1)}
    return ", ".join(numbers.get(word, word) for word in typed.replace(",", " ").split()) if numbers else typed
