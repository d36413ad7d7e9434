"""Writes the page: one HTML file that loads nothing else, with a content security policy that forbids loading."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any, Final

from review.diagram.draw import STYLE, svg
from review.diagram.read import NotDrawn, read_stack
from review.page.data import Shown, data
from stackfiles.plan_document import PlanDocument

_BROWSER: Final = Path(__file__).with_name("browser")
_SCRIPTS: Final = "elements overview stack access way request rules difference adoption start".split()
"""In the order in which they depend on each other."""


def page(shown: Shown) -> str:
    """Return the page of a stack."""
    try:
        diagram, why = _diagram(shown.plan), ""
    except NotDrawn as error:
        diagram, why = "", str(error)
    return _document({**data(shown), "notDrawn": why}, diagram)


def _diagram(plan: PlanDocument) -> str:
    """Return the diagram, with names that link to the page's resources."""
    states = [step["newState"] for step in plan["steps"] if step.get("newState")]
    links = {
        (state["type"], str(inputs.get("bucket") or inputs.get("name"))): number
        for number, state in enumerate(states)
        if (inputs := state.get("inputs", {}))
    }
    return svg(read_stack(plan), links, style=False)


def _document(content: dict[str, Any], diagram: str) -> str:
    style = (_BROWSER / "style.css").read_text(encoding="utf-8") + STYLE
    script = "\n".join((_BROWSER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    # Without `<`, no text in the JSON can close the element that contains it.
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    parts = {
        "title": escape(f"{content['stack']}: {'passed' if content['passed'] else 'failed'}"),
        "policy": escape(
            f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        ),
        "stack": escape(content["stack"]),
        "style": style,
        "diagram": diagram,
        "data": text,
        "script": script,
    }
    before, *rest = (_BROWSER / "page.html").read_text(encoding="utf-8").split("{{")
    return before + "".join(parts[name] + after for name, after in (part.split("}}", 1) for part in rest))


def _hash(text: str) -> str:
    """Return the source expression that allows one inline text (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
