"""Checks whether Terraform's next plan only forgets resources; messages show only addresses and actions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from operations.adopt.check_plan import check, load
from stackfiles.failures import BadConfiguration

CANARY = "a value of the plan"


def plan(*changes: tuple[str, Sequence[str]], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a plan with the address and actions of each change."""
    listed = [
        {
            "address": address,
            "mode": "data" if ".data." in f".{address}" else "managed",
            "change": {"actions": list(actions), "before": {"value": CANARY}, "after": {"value": CANARY}},
        }
        for address, actions in changes
    ]
    return {"format_version": "1.2", "planned_values": {}, "resource_changes": listed, **more}


def test_a_plan_that_only_forgets_passes() -> None:
    document = plan(("aws_lb.this", ["forget"]), ("aws_ecs_cluster.this", ["no-op"]), ("data.aws_lb.this", ["read"]))
    found = check(document, ["aws_lb.this", "aws_iam_role.forgotten_before"])
    assert (found.forgotten, found.problems) == (("aws_lb.this",), ())


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        (["create"], "created"),
        (["update"], "changed"),
        (["delete"], "destroyed"),
        (["delete", "create"], "destroyed and created"),
        (["create", "forget"], "created and forgotten"),
        (["read"], "read"),
        (["explode"], "changed by `explode`"),
        ([], "changed, but the plan names no action"),
    ],
)
def test_every_other_action_is_reported(actions: list[str], told: str) -> None:
    found = check(plan(("aws_iam_role.this", ["forget"]), ('aws_lb.this["a"]', actions)))
    assert found.problems == (f'aws_lb.this["a"] would be {told}',)
    assert CANARY not in str(found)


def test_a_taken_over_resource_that_is_kept_is_reported() -> None:
    found = check(plan(("aws_lb.this", ["no-op"]), ("aws_ecs_cluster.this", ["no-op"])), ["aws_lb.this"])
    assert found.problems == ("aws_lb.this was taken over, but Terraform keeps it",)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"errored": True}, "the plan comes from a run that failed, so it is incomplete"),
        ({"complete": False}, "the plan leaves resources out; make it without -target and -exclude"),
        ({"deferred_changes": [{}]}, "the plan leaves resources out; make it without -target and -exclude"),
        ({"action_invocations": [{}]}, "the plan invokes provider actions"),
    ],
)
def test_an_incomplete_plan_is_reported(more: dict[str, Any], told: str) -> None:
    assert check(plan(("aws_lb.this", ["forget"]), **more)).problems == (told,)


def test_an_import_is_reported() -> None:
    document = plan(("aws_lb.this", ["no-op"]))
    document["resource_changes"][0]["change"]["importing"] = {"id": "arn"}
    assert check(document).problems == ("aws_lb.this would be imported",)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"format_version": "1.0", "values": {}},
        {**plan(), "format_version": "2.0"},
        {**plan(), "resource_changes": {}},
        {**plan(), "resource_changes": [{"address": CANARY}]},
        {**plan(), "resource_changes": [CANARY]},
    ],
    ids=["list", "nothing", "state", "other format", "no list", "no change", "no object"],
)
def test_a_document_that_is_not_a_plan_is_refused(document: Any) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(BadConfiguration, match="accepted: what `terraform show -json PLAN` prints") as refused:
        check(document)
    assert CANARY not in str(refused.value)


def test_a_plan_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "next.plan").write_text(CANARY)
    with pytest.raises(BadConfiguration, match="isn't JSON") as refused:
        load(str(tmp_path / "next.plan"))
    assert CANARY not in str(refused.value)
