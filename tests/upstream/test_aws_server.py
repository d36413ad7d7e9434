"""The corrections to moto in the server that plays AWS, tested with boto3; these tests need no provider code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.upstream.completed_server import MISSING
from tests.upstream.deployment import serving

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a server, and the folder with its journal."""
    folder = tmp_path_factory.mktemp("aws")
    with serving("tests.upstream.aws_server", str(folder / "api.jsonl")) as url:
        yield url, folder


@cache
def _session() -> boto3.Session:
    """Return a session that caches the service models that it has read."""
    return boto3.Session()


def client(served: tuple[str, Path], service: str, attempts: int = 1) -> Any:  # noqa: ANN401 - made at run time
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    tries = Config(retries={"total_max_attempts": attempts})
    return _session().client(service, REGION, endpoint_url=served[0], config=tries, **keys)  # type: ignore[call-overload]


def last(served: tuple[str, Path]) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((served[1] / "api.jsonl").read_text().splitlines()[-1])
    return entry


def document(size: int) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * size}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_call_is_written_down_with_what_iam_is_asked(served: tuple[str, Path]) -> None:
    tags = [{"Key": "Environment", "Value": "test"}]
    client(served, "iam").create_role(RoleName="app", AssumeRolePolicyDocument=document(1), Tags=tags)
    role = "arn:aws:iam::123456789012:role/app"
    tagged = {"aws:RequestTag/Environment": "test"}
    assert last(served) == {
        "service": "iam",
        "operation": "CreateRole",
        "status": 200,
        "asked": [
            {"action": "iam:CreateRole", "resource": role, "context": tagged},
            {"action": "iam:TagRole", "resource": role, "context": tagged},
        ],
    }


def test_a_value_of_a_parameter_is_never_written_down(served: tuple[str, Path]) -> None:
    client(served, "ssm").put_parameter(Name="/test/secret", Value="canary-value", Type="SecureString")
    assert last(served)["operation"] == "PutParameter"
    assert "canary-value" not in (served[1] / "api.jsonl").read_text()


def test_a_fault_happens_as_often_as_set(served: tuple[str, Path]) -> None:
    faults = served[1] / "faults.json"
    faults.write_text(json.dumps([{"operation": "ListBuckets", "code": "SlowDown", "status": 503}]))
    with pytest.raises(ClientError, match="SlowDown"):
        client(served, "s3").list_buckets()
    assert client(served, "s3").list_buckets()["Buckets"] == []
    faults.write_text("[]")


def test_a_call_whose_answer_is_lost_is_carried_out_once(served: tuple[str, Path]) -> None:
    (served[1] / "faults.json").write_text(json.dumps([{"operation": "CreateSecret"}]))
    again = client(served, "secretsmanager", attempts=2).create_secret(Name="lost")
    assert last(served)["status"] == 200
    secrets = client(served, "secretsmanager").list_secrets()["SecretList"]
    assert [secret["ARN"] for secret in secrets] == [again["ARN"]]


def test_a_role_keeps_its_description_when_its_longest_session_changes(served: tuple[str, Path]) -> None:
    iam = client(served, "iam")
    iam.create_role(RoleName="described", AssumeRolePolicyDocument=document(1), Description="what it does")
    iam.update_role(RoleName="described", MaxSessionDuration=7200)
    role = iam.get_role(RoleName="described")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("what it does", 7200)


def test_quotas_of_policies_are_enforced(served: tuple[str, Path]) -> None:
    iam = client(served, "iam")
    iam.create_role(RoleName="full", AssumeRolePolicyDocument=document(1))
    iam.put_role_policy(RoleName="full", PolicyName="one", PolicyDocument=document(6000))
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.put_role_policy(RoleName="full", PolicyName="two", PolicyDocument=document(4200))
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.create_policy(PolicyName="large", PolicyDocument=document(6200))


def test_resources_in_use_are_not_deleted(served: tuple[str, Path]) -> None:
    iam = client(served, "iam")
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=document(1))["Policy"]["Arn"]
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=document(1), PermissionsBoundary=bound)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy(PolicyArn=bound)
    iam.delete_role(RoleName="bounded")
    iam.delete_policy(PolicyArn=bound)


def test_a_protected_load_balancer_is_not_deleted(served: tuple[str, Path]) -> None:
    ec2, balancers = client(served, "ec2"), client(served, "elbv2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    group = ec2.create_security_group(GroupName="edge", Description="edge")["GroupId"]
    arn = balancers.create_load_balancer(Name="edge", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    for protected in ("true", "false"):
        balancers.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": protected}]
        )
        if protected == "true":
            with pytest.raises(ClientError, match="OperationNotPermitted"):
                balancers.delete_load_balancer(LoadBalancerArn=arn)
    balancers.delete_load_balancer(LoadBalancerArn=arn)
    ec2.delete_security_group(GroupId=group)


def test_a_flow_log_goes_to_a_folder_of_a_bucket(served: tuple[str, Path]) -> None:
    ec2, folder = client(served, "ec2"), "arn:aws:s3:::flows/vpc/"
    given = {"ResourceIds": [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]], "ResourceType": "VPC"}
    written = {"TrafficType": "ALL", "LogDestinationType": "s3", "LogDestination": folder}
    assert ec2.create_flow_logs(**given, **written)["Unsuccessful"]
    client(served, "s3").create_bucket(Bucket="flows", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert ec2.create_flow_logs(**given, **written)["Unsuccessful"] == []
    assert [log["LogDestination"] for log in ec2.describe_flow_logs()["FlowLogs"]] == [folder]


def test_a_service_has_a_running_task(served: tuple[str, Path]) -> None:
    ecs = client(served, "ecs")
    ecs.create_cluster(clusterName="all")
    ecs.register_task_definition(family="one", containerDefinitions=[{"name": "one", "image": "one", "memory": 64}])
    given = {"cluster": "all", "taskDefinition": "one", "desiredCount": 1}
    made = ecs.create_service(serviceName="one", healthCheckGracePeriodSeconds=120, **given)["service"]
    assert (made["runningCount"], made["deployments"][0]["rolloutState"]) == (1, "COMPLETED")
    ecs.update_service(service="one", enableECSManagedTags=True, **given)
    (told,) = ecs.describe_services(cluster="all", services=["one"])["services"]
    assert (told["healthCheckGracePeriodSeconds"], told["enableECSManagedTags"]) == (120, True)


def test_a_service_rolls_back_from_a_missing_image(served: tuple[str, Path]) -> None:
    ecs = client(served, "ecs")
    ecs.create_cluster(clusterName="back")
    revisions = [
        ecs.register_task_definition(
            family="back", containerDefinitions=[{"name": "one", "image": f"one@{digest}", "memory": 64}]
        )["taskDefinition"]["taskDefinitionArn"]
        for digest in ("sha256:" + "1" * 64, MISSING)
    ]
    ecs.create_service(cluster="back", serviceName="back", taskDefinition=revisions[0], desiredCount=1)
    updated = ecs.update_service(cluster="back", service="back", taskDefinition=revisions[1])["service"]
    assert updated["taskDefinition"] == revisions[1]
    (told,) = ecs.describe_services(cluster="back", services=["back"])["services"]
    assert (told["taskDefinition"], len(told["deployments"])) == (revisions[0], 1)
    deployments = ecs.list_service_deployments(cluster="back", service=told["serviceArn"])["serviceDeployments"]
    assert [deployment["status"] for deployment in deployments] == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]


def test_a_queue_returns_its_redrive_policies_as_given(served: tuple[str, Path]) -> None:
    queues = client(served, "sqs")
    dead = queues.create_queue(QueueName="dead")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5}, separators=(",", ":"))
    url = queues.create_queue(QueueName="live", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    told = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert told == {"RedrivePolicy": policy}
