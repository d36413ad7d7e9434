"""AWS's API, played by moto's server, with what moto lacks or gets wrong.

    python -m tests.upstream.aws_server JOURNAL

prints its URL and serves on the loopback address until it is killed; `JOURNAL` gets every call (see recording.py).
What is added to moto: completed_server.py, refusals.py, and in this file descriptions: that of a security group's rule
that names a prefix list or a group, with EC2's limits, and that of a role whose longest session is changed; flow logs
in a folder of a bucket; services of ECS whose tasks run; which queues may give their dead letters to one, and where
a queue gives its own, as the caller wrote that.
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
    """Have moto keep the description of every rule of a security group, and refuse those that EC2 refuses."""
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
    """Have moto keep a role's description where a change doesn't name one."""
    original = IAMBackend.update_role

    def update(backend: Any, name: str, description: str | None, seconds: str) -> Any:  # noqa: ANN401 - moto's own
        return original(
            backend, name, backend.get_role(name).description if description is None else description, seconds
        )

    _replace(IAMBackend, "update_role", update)


def _keep_folders_of_flow_logs() -> None:
    """Have moto take a flow log's destination for a bucket with a folder, and not for a bucket of that name."""
    original = FlowLogsBackend.create_flow_logs

    def create(backend: Any, **given: Any) -> Any:  # noqa: ANN401 - moto's own
        destination = given["log_destination"]
        made, refused = original(backend, **{**given, "log_destination": destination.partition("/")[0]})
        for log in made:
            log.log_destination = destination
        return made, refused

    _replace(FlowLogsBackend, "create_flow_logs", create)


def _tell_of_dead_letters() -> None:
    """Have moto tell a queue's policies about them: one it keeps, as every attribute, the other it writes anew."""
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
    """Put something else in a class of moto's, whose own types would not have it."""
    setattr(class_, name, instead)


def main() -> None:
    """Serve until the process is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _keep_descriptions_of_rules()
    _keep_description_of_role()
    _keep_folders_of_flow_logs()
    _tell_of_dead_letters()
    os.environ |= {"MOTO_ECS_SERVICE_RUNNING": "1", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    completed = CompletedServer(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, RecordingServer(completed, Path(sys.argv[1])), threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
