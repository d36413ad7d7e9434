"""The page of a pull request: production's real plan, compared with a base whose roles may do less."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from review.page import adoption
from review.page.data import Shown, expected_readers
from review.page.document import page
from stackfiles.plan_document import PlanDocument
from tests.operations.adopt.mixed_estate import mixed_report
from tests.owner import owned
from tests.planning import document_of

LINES: Final = "https://github.com/rocketclub/platform/blob/0123456/"
TASK: Final = "prod-prefect-worker-task"


def narrower(plan: PlanDocument) -> PlanDocument:
    """The plan of a base in which one role reads fewer parameters and one bucket has another name."""
    base = copy.deepcopy(plan)
    for step in base["steps"]:
        state: Any = step["newState"]
        if step["urn"].endswith(f"RolePolicy::{TASK}"):
            document = json.loads(state["inputs"]["policy"])
            document["Statement"] = [one for one in document["Statement"] if "ssm:GetParameters" not in one["Action"]]
            state["inputs"]["policy"] = json.dumps(document)
        if step["urn"].endswith("aws:s3/bucket:Bucket::prod-blog-data-raw"):
            state["inputs"]["bucket"] = "prod-blog-data-old-123456789012"
    return base


@cache
def shown() -> Shown:
    """The content of the suite's page: with a violation, a waiver and a base."""
    plan = copy.deepcopy(document_of("prod"))
    urn = next(step["urn"] for step in plan["steps"] if step["urn"].endswith(f"RolePolicy::{TASK}"))
    plan["policyViolations"] = [
        {
            "pack": "least-privilege",
            "policy": "service-wildcard",
            "level": "mandatory",
            "severity": "high",
            "urn": urn,
            "message": "No policy allows every action of a service.\n`policy`: <b>`s3:*`</b> </script>",
            "sourcePosition": "project:///components/workload_permissions.py#101",
            "sourceTrace": ["project:///__main__.py#46"],
        }
    ]
    waived: Any = {"rule": "misnamed-bucket", "resource": "uploads", "owner": "platform", "expires": "2027-03-31"}
    plan["policyEnforcement"]["waived"] = [waived]
    readers = json.loads((owned() / "policies" / "config" / "least_privilege.prod.json").read_text())
    return Shown("prod", plan, narrower(document_of("prod")), "main at 0123456", expected_readers(readers), LINES)


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, with the report on an adoption that has every verdict."""
    written = tmp_path_factory.mktemp("page") / "page.html"
    report = written.with_name("report.json")
    report.write_text(mixed_report().document())
    written.write_text(page(replace(shown(), adoption=adoption.read(report))), encoding="utf-8")
    return written
