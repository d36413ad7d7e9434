"""The generated pages of a stack that creates its workloads describe them, and show no unknown value."""

from __future__ import annotations

import re

import pytest

from generators.pages import pages
from stackfiles.plan_document import UNKNOWN
from tests.owner import owned_here
from tests.planning import document_of
from tests.workloads import LAB


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages(owned_here(), {LAB: document_of(LAB)})


def test_no_page_shows_the_placeholder_of_an_unknown_value(written: dict[str, str]) -> None:
    assert [name for name, text in written.items() if UNKNOWN in text] == []


def test_the_diagram_shows_services_and_databases(written: dict[str, str]) -> None:
    headings = dict(re.findall(r">([^<>]+) \((\d+)\)</text>", written["diagram.svg"]))
    assert (headings["Services"], headings["Databases"]) == ("3", "1")
    assert "VPC 10.20.0.0/16" in written["diagram.svg"]
    services = re.findall(r'target\d+\["(\w+)<br>', written["diagram.md"])
    assert sorted(services) == ["Backstage", "Prefect"]
    assert "lab-prefect-worker" in written["diagram.md"]
    assert "lab-database" in written["diagram.md"]


def test_the_access_report_covers_cis_second_role(written: dict[str, str]) -> None:
    page = written[f"access-{LAB}.md"]
    _, _, rows = page.partition("\n| `lab-ci-workloads` | ")
    own = rows.partition("\n| `")[0].splitlines()
    assert {line.removeprefix("|  | ").partition(" ")[0] for line in own} >= {
        *("ec2", "ecs", "iam", "logs", "rds", "secretsmanager", "ssm")
    }
    readers = next(line for line in page.splitlines() if line.startswith("| `lab/db/admin` |"))
    assert {"`lab-ci-deploy`", "`lab-ci-workloads`"} <= set(re.findall(r"`[\w-]+`", readers))
