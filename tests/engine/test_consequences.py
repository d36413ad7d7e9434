"""The engine's own preview says what `up` will destroy, replace or fail to do, before anything is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.engine.test_previewed import workshop

pytestmark = pytest.mark.engine

PROGRAM: Final = """
class Shelf(pulumi.ComponentResource):
    def __init__(self, opts=None):
        super().__init__("workshop:index:Shelf", "shelf", {}, opts)

shelf = Shelf(ResourceOptions(protect=True))
parameter("kept", parent=shelf)
parameter("second")
pulumi.CustomResource("aws:iam/role:Role", "role", {"name": "dev-role", "assumeRolePolicy": "{}", "path": "/a/"})
group = pulumi.CustomResource(
    "aws:lb/targetGroup:TargetGroup", "group", {"name": "dev-group", "port": 1, "vpcId": "vpc-1", "protocol": "HTTP"}
)
pulumi.CustomResource(
    "aws:lb/listenerRule:ListenerRule",
    "rule",
    {"listenerArn": "arn:x", "actions": [{"targetGroupArn": group.id}], "conditions": []},
)
held = pulumi.CustomResource(
    "aws:iam/role:Role", "held", {"name": "dev-held", "assumeRolePolicy": "{}", "path": "/held/"}
)
pulumi.CustomResource(
    "aws:iam/rolePolicy:RolePolicy",
    "held",
    {"name": "dev-held", "role": "dev-held", "policy": "{}"},
    ResourceOptions(depends_on=[held]),
)
source = pulumi.CustomResource(
    "aws:cloudwatch/logDeliverySource:LogDeliverySource",
    "logs",
    {"name": "dev-logs", "logType": "ACCESS_LOGS", "resourceArn": "arn:x"},
    ResourceOptions(delete_before_replace=True),
)
pulumi.CustomResource(
    "aws:cloudwatch/logDelivery:LogDelivery",
    "logs",
    {"deliverySourceName": source.id, "deliveryDestinationArn": "arn:y"},
)
"""


def test_up_says_what_it_destroys_and_refuses_changes_that_cannot_succeed(tmp_path: Path) -> None:
    deployment = workshop(tmp_path, PROGRAM)
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    program = deployment.project / "__main__.py"
    honest = program.read_text()

    impossible = {
        '"workshop:index:Shelf"': (
            '"workshop:index:Rack"',
            "kept (aws:ssm:Parameter) has the same name, `/dev/kept`, as",
        ),
        'parameter("kept", parent=shelf)': ("", "kept (aws:ssm:Parameter) is protected, and would be removed"),
        '"/held/"': ('"/kept/"', "held (aws:iam:Role) would be replaced because of `path` under its fixed name, so"),
        '"port": 1': ('"port": 2', "group (aws:lb:TargetGroup) would be replaced because of `port` under its fixed"),
    }
    for old, (new, said) in impossible.items():
        program.write_text(honest.replace(old, new))
        before = len(deployment.journal())
        outcome = deployment.up()
        assert outcome.code == 1
        assert f"can't succeed: {said}" in outcome.out
        assert "nothing was applied" in outcome.out
        assert "Previewing" not in outcome.out
        assert deployment.changes(before) == []

    program.write_text(
        honest.replace('"/a/"', '"/b/"').replace('parameter("second")\n', "").replace("ACCESS_", "EVENT_")
    )
    before = len(deployment.journal())
    outcome = deployment.up()
    deployment.attached.stop()
    assert outcome.code == 0, outcome.out
    _, first, *told = outcome.out.splitlines()
    assert first == "second (aws:ssm:Parameter) is removed."
    for what in (
        "role (aws:iam:Role) is replaced because of `path`",
        "logs (aws:cloudwatch:LogDeliverySource) is replaced because of `logType`",
    ):
        assert f"{what} under its fixed name: the old one is deleted, then a new one is created." in told
    # A resource that refers to a source and can't change in place is deleted before the source.
    changes = [f"{method} {type_.rpartition(':')[2]}" for method, type_ in deployment.changes(before) if "log" in type_]
    assert changes == [
        "Delete LogDelivery",
        "Delete LogDeliverySource",
        "Create LogDeliverySource",
        "Create LogDelivery",
    ]


WAITING: Final = """
workloads = pulumi.ComponentResource("guarded:ecs:Workloads", "workloads")
service = parameter("service", parent=workloads)
parameter("marker", depends_on=[service])
"""


def test_an_update_without_workloads_refuses_resources_that_wait_for_new_ones(tmp_path: Path) -> None:
    # An update would leave a state that the engine can't read: the marker would refer to a service that isn't there.
    deployment = workshop(tmp_path, 'parameter("marker")\n')
    assert deployment.up().code == 0
    program = deployment.project / "__main__.py"
    program.write_text(program.read_text().replace('parameter("marker")\n', WAITING))
    before = len(deployment.journal())
    outcome = deployment.up("--without-workloads")
    assert outcome.code == 1
    assert "can't succeed: marker (aws:ssm:Parameter) depends on service (aws:ssm:Parameter), which" in outcome.out
    assert deployment.changes(before) == []
    assert deployment.up().code == 0
    assert deployment.up("--without-workloads").code == 0
