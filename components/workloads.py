"""The workloads with `workloads: here`: services behind the entry points, tasks, the database and a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.applications import Application
from components.catalogue import EDGE_LOGS, ORK_FILES, Workload
from components.cluster import Cluster, ClusterArgs
from components.containers import CONTAINERS, SERVICES, container_definitions
from components.database import Database, DatabaseArgs
from components.flow_logs import flow_log
from components.images import image_digest, workload_image
from components.members import MEMBERS, Member
from components.naming import Names
from components.ork_function import OrkFunction, OrkFunctionArgs
from components.parameter_catalogue import PARK_MODE
from components.parameters import Parameters, ParametersArgs, wiring_values
from components.premises import Premises
from components.service import Service, ServiceArgs
from components.settings import Settings
from components.task import Task, TaskArgs
from components.way_in import WayIn


@dataclass(frozen=True)
class WorkloadsArgs:
    """The network of the workloads, their entry points, and the resources that have to exist before they start.

    The park mode marker is added to `parameters`. `needed` are secrets, buckets and roles. `protect` protects the
    database.
    """

    names: Names
    settings: Settings
    premises: Premises
    way_in: WayIn
    parameters: Parameters
    needed: Sequence[pulumi.Resource]
    protect: bool


class Workloads(pulumi.ComponentResource):
    """The cluster, the database and the function, a task for each workload whose image is known, and the services."""

    def __init__(self, name: str, args: WorkloadsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:ecs:Workloads", name, None, opts)
        names, settings, premises = args.names, args.settings, args.premises
        child = pulumi.ResourceOptions(parent=self)
        premises.groups.admit(names, args.way_in.load_balancer.group_id, child)
        flow_log(
            names,
            premises.network.vpc_id,
            names.bucket(EDGE_LOGS),
            pulumi.ResourceOptions(parent=self, depends_on=[args.way_in]),
        )
        cluster = Cluster(
            names.resource("cluster"), ClusterArgs(names, settings.cluster, premises.network.vpc_id), child
        )
        database = self._database(args) if settings.database_generation else None
        wiring = Parameters(
            "wiring",
            ParametersArgs(names, wiring_values(args.way_in.load_balancer.arn, database.host if database else None)),
            child,
        )
        if settings.ork_code:
            OrkFunction(
                names.resource(ORK_FILES),
                OrkFunctionArgs(names, settings),
                pulumi.ResourceOptions(parent=self, depends_on=[*args.needed]),
            )
        tasks = self._tasks(args)
        # The marker changes to `parked` before anything stops, and to `unparked` once everything runs.
        if settings.parked:
            args.parameters.add(PARK_MODE, settings.park_mode)
        services: list[pulumi.Resource] = []
        if SERVICES[0] in tasks:
            services = self._run(args, cluster, tasks, [wiring, *([database] if database else ())])
        if not settings.parked:
            args.parameters.add(PARK_MODE, settings.park_mode, after=services)
        self.register_outputs({"cluster": settings.cluster})

    def _database(self, args: WorkloadsArgs) -> Database:
        names, settings, premises = args.names, args.settings, args.premises
        return Database(
            names.resource("database"),
            DatabaseArgs(
                names,
                settings,
                premises.network.subnet_ids["database"],
                premises.groups.ids[Member.DATABASE],
                args.protect,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[*args.needed]),
        )

    def _run(
        self,
        args: WorkloadsArgs,
        cluster: Cluster,
        tasks: Mapping[Workload, Task],
        before: list[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        """Create the services, each after the one before it and everything that it needs."""
        names, settings, premises = args.names, args.settings, args.premises
        # Don't depend on the component with the parameters: the marker in it can wait for the services.
        before = [*before, cluster, premises, args.way_in, *args.parameters.made, *args.needed]
        services: list[pulumi.Resource] = []
        for workload in SERVICES:
            application = CONTAINERS[workload].application
            service = Service(
                names.resource(workload, "service"),
                ServiceArgs(
                    names,
                    settings,
                    workload,
                    tasks[workload].arn,
                    premises.surroundings.private_subnet_ids,
                    premises.groups.ids[MEMBERS[workload]],
                    application,
                    _target(args.way_in, application),
                    cluster.registry_arn if workload is Workload.PREFECT_API else None,
                    CONTAINERS[workload].most,
                ),
                pulumi.ResourceOptions(parent=self, depends_on=[*before, *services]),
            )
            services.append(service)
        return services

    def _tasks(self, args: WorkloadsArgs) -> Mapping[Workload, Task]:
        """Create the task definition of each workload whose image the settings name."""
        names, settings = args.names, args.settings
        return {
            workload: Task(
                names.resource(workload),
                TaskArgs(
                    names,
                    settings,
                    workload,
                    container_definitions(names, settings, workload),
                    container.cpu,
                    container.memory,
                ),
                pulumi.ResourceOptions(parent=self, depends_on=[*args.needed]),
            )
            for workload, container in CONTAINERS.items()
            if image_digest(workload_image(workload, here=True), settings)
        }


def _target(way_in: WayIn, application: Application | None) -> pulumi.Output[str] | None:
    return way_in.guarded[application].target_group_arn if application else None
