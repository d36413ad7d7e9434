"""The diagram: what is read from production's plan, and how it is drawn."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from review.diagram.draw import svg
from review.diagram.read import NotDrawn, Stack, read_stack
from stackfiles.plan_document import PlanDocument
from tests.planning import PROJECT, document_of


@pytest.fixture(scope="module")
def stack() -> Stack:
    return read_stack(document_of("prod"))


def test_the_counts_match_the_readme(stack: Stack) -> None:
    drawn = svg(stack)
    headings = dict(re.findall(r">([^<>]+) \((\d+)\)</text>", drawn))
    roles = sum(int(number) for title, number in headings.items() if title.startswith("Roles of "))
    readme = (PROJECT / "README.md").read_text()
    assert f"{roles} IAM roles" in readme
    words = {"4": "four", "11": "eleven"}
    for title, what in (("Secrets", "secrets"), ("Parameters", "parameters"), ("Buckets: data", "data buckets")):
        assert re.search(rf"\b{words[headings[title]]}\s+{what}", readme), title


def test_frames_name_their_provider_account_and_region(stack: Stack) -> None:
    texts = [text for element in ET.fromstring(svg(stack)).iter() if (text := element.text)]
    for frame in ("Cloudflare", "AWS account 123456789012", "CloudFront, worldwide", "eu-central-1", stack.network):
        assert frame in texts
    assert {path.host for path in stack.paths} <= set(texts)


def test_lines_lead_from_roles_to_the_stores_they_read(stack: Stack) -> None:
    reads = {(role, store) for role, store, _ in stack.reads}
    assert ("prod-backstage-db-inspect-execution", "prod/db/admin") in reads
    assert ("prod-ork-processor", "prod-blog-data-design-files-123456789012") in reads
    assert not any(store == "prod-edge-logs-123456789012" for _, store in reads)
    titles = re.findall(r"<title>(\S+) reads (\S+)</title>", svg(stack))
    assert set(titles) == reads


def test_a_host_without_a_record_is_reported() -> None:
    plan = copy.deepcopy(document_of("prod"))
    for step in plan["steps"]:
        state: Any = step["newState"]
        if state["type"] == "cloudflare:index/dnsRecord:DnsRecord":
            state["inputs"]["proxied"] = False
    with pytest.raises(NotDrawn, match="has no proxied record"):
        read_stack(plan)


def test_a_stack_without_entry_points_is_drawn() -> None:
    plan = copy.deepcopy(document_of("prod"))
    plan["steps"] = [step for step in plan["steps"] if "aws:iam/" in step["newState"]["type"]]
    drawn = svg(read_stack(plan))
    assert "Browser" not in drawn
    assert "prod-backstage-task" in drawn


@pytest.mark.parametrize(
    ("issuer", "name"),
    [
        ("oidc.circleci.com/org/1", "CircleCI"),
        ("token.actions.githubusercontent.com", "GitHub Actions"),
        ("oidc.example.org/circleci", "oidc.example.org"),
    ],
)
def test_ci_is_named_after_the_issuer_of_its_tokens(issuer: str, name: str) -> None:
    trust = {"Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}}
    found = read_stack(role({"Statement": [trust]}))
    assert found.roles == {name: ["ci-deploy"]}
    assert found.issued == {"ci-deploy"}


@pytest.mark.parametrize("trust", [{}, {"Statement": [{"Principal": "*"}]}, None], ids=["empty", "anybody", "unknown"])
def test_a_plan_of_another_shape_is_not_drawn(trust: dict[str, Any] | None) -> None:
    with pytest.raises(NotDrawn, match="isn't built like this project's own"):
        read_stack(role(trust))


def role(trust: dict[str, Any] | None) -> PlanDocument:
    """The plan of one role; None stands for a trust policy that isn't known yet."""
    document = json.dumps(trust) if trust is not None else "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    urn = "urn:pulumi:prod::p::aws:iam/role:Role::ci-deploy"
    inputs = {"name": "ci-deploy", "assumeRolePolicy": document}
    state: Any = {"urn": urn, "custom": True, "type": "aws:iam/role:Role", "inputs": inputs}
    return {"steps": [{"op": "create", "urn": urn, "newState": state}], "policyViolations": []}
