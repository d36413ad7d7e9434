"""Runs `python -m policies check` for its tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from policies.__main__ import main

READ: Final = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
WIDE: Final = {"Sid": "Wide", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"}

Told = Mapping[str, Any]


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)


class Check:
    """Runs the command; `code` and `errors` are those of the last run."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        monkeypatch.chdir(folder)

    def printed(self, *arguments: str) -> str:
        self.code = main(["check", *arguments])
        out, self.errors = self._capsys.readouterr()
        return out

    def __call__(self, *arguments: str) -> list[Told]:
        found: list[Told] = json.loads(self.printed(*arguments, "--format", "json"))["findings"]
        return found

    def file(self, text: str, name: str = "policy.json") -> str:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)
        return name


def rules(findings: Iterable[Told]) -> set[str]:
    return {found["rule"] for found in findings}


def by_resource(findings: Iterable[Told]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in findings:
        found.setdefault(one["resource"], set()).add(one["rule"])
    return found
