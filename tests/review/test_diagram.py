"""The diagram: what is read from production's plan, and what is drawn of it."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from review.diagram.draw import svg
from review.diagram.read import Stack, read_stack
from tests.planning import PROJECT, document_of


@pytest.fixture(scope="module")
def stack() -> Stack:
    return read_stack(document_of("prod"))


def test_its_counts_are_the_readmes(stack: Stack) -> None:
    drawn = svg(stack)
    headings = dict(re.findall(r">([^<>]+) \((\d+)\)</text>", drawn))
    roles = sum(int(number) for title, number in headings.items() if title.startswith("Roles of "))
    readme = (PROJECT / "README.md").read_text()
    assert f"{roles} IAM roles" in readme
    words = {"4": "four", "11": "eleven"}
    for title, what in (("Secrets", "secrets"), ("Parameters", "parameters"), ("Buckets: data", "data buckets")):
        assert re.search(rf"\b{words[headings[title]]}\s+{what}", readme), title


def test_frames_say_whose_each_thing_is(stack: Stack) -> None:
    texts = [text for element in ET.fromstring(svg(stack)).iter() if (text := element.text)]
    for frame in ("Cloudflare", "AWS account 123456789012", "CloudFront, worldwide", "eu-central-1", stack.network):
        assert frame in texts
    assert {path.host for path in stack.paths} <= set(texts)


def test_lines_lead_from_roles_to_what_they_read(stack: Stack) -> None:
    reads = {(role, store) for role, store, _ in stack.reads}
    assert ("prod-backstage-db-inspect-execution", "prod/db/admin") in reads
    assert ("prod-ork-processor", "prod-blog-data-design-files-123456789012") in reads
    assert not any(store == "prod-edge-logs-123456789012" for _, store in reads)
    titles = re.findall(r"<title>(\S+) reads (\S+)</title>", svg(stack))
    assert set(titles) == reads


def test_a_host_without_a_record_is_told() -> None:
    plan = copy.deepcopy(document_of("prod"))
    for step in plan["steps"]:
        state: Any = step["newState"]
        if state["type"] == "cloudflare:index/dnsRecord:DnsRecord":
            state["inputs"]["proxied"] = False
    with pytest.raises(LookupError, match="has no proxied record"):
        read_stack(plan)


def test_a_stack_without_entry_points_is_drawn() -> None:
    plan = copy.deepcopy(document_of("prod"))
    plan["steps"] = [step for step in plan["steps"] if "aws:iam/" in step["newState"]["type"]]
    drawn = svg(read_stack(plan))
    assert "Browser" not in drawn
    assert "prod-backstage-task" in drawn
