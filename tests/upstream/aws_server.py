"""Moto's server plays AWS's API; this module corrects what moto lacks or gets wrong.

    python -m tests.upstream.aws_server JOURNAL

prints its URL and serves on the loopback address until it is killed; `JOURNAL` gets every call (see recording.py).
completed_server.py and refusals.py hold most of the corrections. This file corrects:
- descriptions: of a security group's rule that names a prefix list or a group, with EC2's limits; and of a role whose
  longest session is changed
- flow logs that go to a folder of a bucket
- ECS services, whose tasks run
- redrive policies: which queues may send their dead letters to a queue, and where a queue sends its own, in the words
  of the caller
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any, Final

from moto.ec2.exceptions import InvalidParameterValueError
from moto.ec2.models.flow_logs import FlowLogsBackend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam.models import IAMBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import Queue
from werkzeug.serving import make_server

from tests.upstream.completed_server import CompletedServer
from tests.upstream.recording import RecordingServer

_DESCRIPTION: Final = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html"""


def _keep_descriptions_of_rules() -> None:
    """Make moto keep the description of every rule of a security group, and reject those that EC2 rejects."""
    original = SecurityGroupRule.__init__
    signature = inspect.signature(original)

    def init(rule: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - moto's own class has no types
        original(rule, *args, **kwargs)
        given = signature.bind(rule, *args, **kwargs).arguments
        parts = [given.get(name) or {} for name in ("ip_range", "source_group", "prefix_list_id")]
        rule.own_description = next((part["Description"] for part in parts if "Description" in part), None)
        if rule.own_description and not _DESCRIPTION.fullmatch(rule.own_description):
            raise InvalidParameterValueError(rule.own_description)

    told = property(lambda rule: rule.ip_range.get("Description") or rule.own_description)
    _replace(SecurityGroupRule, "__init__", init)
    _replace(SecurityGroupRule, "description", told)


def _keep_description_of_role() -> None:
    """Make moto keep a role's description if a change doesn't name one."""
    original = IAMBackend.update_role

    def update(backend: Any, name: str, description: str | None, seconds: str) -> Any:  # noqa: ANN401 - moto's own
        return original(
            backend, name, backend.get_role(name).description if description is None else description, seconds
        )

    _replace(IAMBackend, "update_role", update)


def _keep_folders_of_flow_logs() -> None:
    """Make moto read a flow log's destination as a bucket with a folder, and not as a bucket of that name."""
    original = FlowLogsBackend.create_flow_logs

    def create(backend: Any, **given: Any) -> Any:  # noqa: ANN401 - moto's own
        destination = given["log_destination"]
        made, refused = original(backend, **{**given, "log_destination": destination.partition("/")[0]})
        for log in made:
            log.log_destination = destination
        return made, refused

    _replace(FlowLogsBackend, "create_flow_logs", create)


def _return_redrive_policies() -> None:
    """Make moto return the redrive policies of a queue as the caller wrote them; it forgets `RedriveAllowPolicy`."""
    original: Any = vars(Queue)["attributes"]

    def attributes(queue: Any) -> dict[str, Any]:  # noqa: ANN401 - moto's own
        told: dict[str, Any] = original.fget(queue)
        if queue.redrive_policy:
            told["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
        return told

    _replace(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"])
    _replace(Queue, "redrive_allow_policy", None)
    _replace(Queue, "attributes", property(attributes))


def _replace(class_: type, name: str, instead: object) -> None:
    """Replace an attribute of a moto class, which its type annotations wouldn't allow."""
    setattr(class_, name, instead)


def main() -> None:
    """Serve until the process is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _keep_descriptions_of_rules()
    _keep_description_of_role()
    _keep_folders_of_flow_logs()
    _return_redrive_policies()
    os.environ |= {"MOTO_ECS_SERVICE_RUNNING": "1", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    completed = CompletedServer(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, RecordingServer(completed, Path(sys.argv[1])), threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
