"""A secret setting is passed on as a secret Output; mistakes in the program don't reveal its text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import pytest

from components.settings_shapes import HEADER_SECRET_SHAPE, SecretText

TEXT: Final = sha256(b"a secret setting").hexdigest()
SECRET: Final = SecretText(TEXT, HEADER_SECRET_SHAPE)


@pytest.mark.parametrize("shown", [str, repr, "{}".format, lambda secret: f"{[secret]} {(secret,)!r}"])
def test_formatting_a_secret_hides_its_text(shown: Callable[[Any], str]) -> None:
    assert TEXT[:8] not in shown(SECRET)


MISTAKES: Final[dict[str, Callable[[Any], object]]] = {
    "backwards": lambda secret: secret[::-1],
    "in part": lambda secret: secret[:8],
    "joined": lambda secret: "x" + secret,
    "letter by letter": list,
    "as JSON": json.dumps,
    "its attributes": vars,
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_using_a_secret_as_text_is_an_error(mistake: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        mistake(SECRET)


def test_its_output_is_secret() -> None:
    async def look() -> tuple[bool, str | None]:
        output = SECRET.output()
        return await output.is_secret(), await output.future()

    assert asyncio.run(look()) == (True, TEXT)
