"""A report on a pull request is posted once and updated in place; a server here behaves like GitHub's API."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rehearsal import comment

TOKEN = "not-a-real-token"


@dataclass
class GitHub:
    """Comments of pull request 7, with `page` comments in each answer."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    page: int = 100
    refuses: int = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            state.asked.append(f"{self.command} {self.path}")
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(content)["body"] if content else ""
            if state.refuses:
                self.reply(state.refuses, {"message": "Resource not accessible"})
            elif self.command == "GET":
                start = int((re.findall(r"start=(\d+)", self.path) or [0])[0])
                more = start + state.page
                link = {"Link": f'<{state.url}{self.path.partition("?")[0]}?start={more}>; rel="next"'}
                self.reply(200, state.comments[start:more], link if more < len(state.comments) else {})
            elif self.command == "POST":
                state.comments.append({"id": len(state.comments), "body": body})
                self.reply(201, state.comments[-1])
            else:
                state.comments[int(self.path.rpartition("/")[2])]["body"] = body
                self.reply(200, {})

        do_GET = do_POST = do_PATCH = answer

        def reply(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Log nothing; tests read the requests from the state."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("GITHUB_API_URL", state.url)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.delenv("CIRCLE_PULL_REQUEST", raising=False)
    yield state
    server.shutdown()
    server.server_close()


def post(folder: Path, text: str, name: str = "gate") -> int:
    (folder / "report.md").write_text(text)
    return comment.main([name, str(folder / "report.md")])


def test_a_report_is_posted_once_and_updated_from_then_on(github: GitHub, tmp_path: Path) -> None:
    assert post(tmp_path, "# one") == post(tmp_path, "# two") == 0
    assert [one["body"] for one in github.comments] == ["<!-- report: gate -->\n# two"]
    assert github.asked[1] == "POST /repos/owner/name/issues/7/comments"
    assert github.asked[3] == "PATCH /repos/owner/name/issues/comments/0"


def test_each_name_has_its_own_comment_and_other_comments_stay(github: GitHub, tmp_path: Path) -> None:
    github.comments.append({"id": 0, "body": "I quote: <!-- report: gate -->"})
    post(tmp_path, "a", "gate")
    post(tmp_path, "b", "preview")
    assert [one["body"].splitlines()[-1] for one in github.comments] == ["I quote: <!-- report: gate -->", "a", "b"]


def test_the_comment_is_found_on_a_later_page(github: GitHub, tmp_path: Path) -> None:
    post(tmp_path, "old")
    github.comments[:0] = [{"id": 0, "body": "talk"}] * 4
    github.comments[4]["id"] = 4
    github.page = 2
    assert post(tmp_path, "new") == 0
    assert len(github.comments) == 5
    assert github.comments[4]["body"].endswith("new")


def test_a_long_report_is_cut_at_a_line(github: GitHub, tmp_path: Path) -> None:
    assert post(tmp_path, "0123456789\n" * 10_000) == 0
    body = github.comments[0]["body"]
    assert len(body) <= 65_536
    assert body.endswith("0123456789\n\n… the rest is in the artifacts of the pipeline.\n")


def test_circleci_gives_the_address_of_the_pull_request(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REF")
    monkeypatch.setenv("CIRCLE_PULL_REQUEST", "https://github.com/other/one/pull/12")
    assert post(tmp_path, "x") == 0
    assert github.asked[-1] == "POST /repos/other/one/issues/12/comments"


@pytest.mark.parametrize(
    ("variable", "said"), [("GITHUB_TOKEN", "GITHUB_TOKEN isn't set"), ("GITHUB_REF", "belongs to no pull request")]
)
def test_without_a_token_or_a_pull_request_posting_is_skipped_with_a_reason(
    github: GitHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    said: str,
) -> None:
    monkeypatch.delenv(variable)
    assert post(tmp_path, "x") == 0
    assert "not posted: " in (out := capsys.readouterr().out)
    assert said in out
    assert github.asked == []


def test_a_refusal_by_github_is_one_line_without_the_token(
    github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    github.refuses = 403
    assert post(tmp_path, "x") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: GitHub answers 403 to GET")
    assert error.count("\n") == 1
    assert TOKEN not in error
