"""A parked platform: nothing that costs by the hour but the load balancer, and hosts that say so."""

from __future__ import annotations

from pathlib import Path

from tests.owner import HERE, lay
from tests.planning import Plan, rehearsal_command, written
from tests.workloads import LAB

SERVICE = "aws:ecs/service:Service"
RULE = "aws:lb/listenerRule:ListenerRule"


def test_parked(tmp_path: Path, lab: Plan) -> None:
    project = lay(tmp_path, HERE)
    with (project / f"Pulumi.{LAB}.yaml").open("a") as file:
        file.write("  parkMode: parked\n")
    output = tmp_path / "plan.json"
    done = rehearsal_command(
        *("--project", str(project), "--stack", LAB, "--json", str(output)), packs=project / "policies"
    )
    parked = written(done, output)
    assert (parked.exit_code, parked.violations) == (0, []), parked.printed
    gone = {(step.type, step.urn.rpartition("::")[2]) for step in lab.steps}
    gone -= {(step.type, step.urn.rpartition("::")[2]) for step in parked.steps}
    assert gone == {
        ("aws:ec2/eip:Eip", "lab-nat-a"),
        ("aws:ec2/natGateway:NatGateway", "lab-nat-a"),
        ("aws:ec2/route:Route", "lab-private-a"),
        ("aws:ec2/route:Route", "lab-private-b"),
    }
    assert [service["desiredCount"] for service in parked.inputs(SERVICE)] == [0, 0, 0]
    assert [[action["fixedResponse"]["statusCode"] for action in rule["actions"]] for rule in parked.inputs(RULE)] == [
        ["503"],
        ["503"],
    ]
