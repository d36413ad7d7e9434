"""The program's names for its roles and managed policies; `Names.role` and `Names.policy` return their names in AWS."""

from __future__ import annotations

from typing import Final

from components.catalogue import TASKS, Reader, Workload
from components.naming import Names

LOOK: Final = "ci-look"
"""Last part of the name of the managed policy with which CI reads this program's resources."""
BALANCER: Final = "ci-load-balancer"
"""Last part of the name of the managed policy with which CI changes the load balancer."""
EDGE: Final = "ci-edge"
"""Last part of the name of the managed policy with which CI changes the parts in front of the load balancer."""
LOOK_AT_WORKLOADS: Final = "ci-look-at-workloads"
"""Last part of the name of the managed policy with which CI reads the workloads that this program creates."""
CHANGE_WORKLOADS: Final = "ci-change-workloads"
"""Last part of the name of the managed policy with which CI changes them."""

CI_ROLES: Final = (Reader.CI_PREVIEW, Reader.CI_DEPLOY, Reader.CI_DEPLOYER_TRIGGER)
"""CI's roles that every stack has; a stack that creates its workloads also has `Reader.CI_WORKLOADS`."""


def execution_role_name(names: Names, workload: Workload) -> str:
    """Return the name of the role with which ECS starts a workload."""
    return names.resource(workload, "execution")


def task_role_name(names: Names, workload: Workload) -> str:
    """Return the name of the role with which a workload's own code runs."""
    return names.resource(workload, "task")


def role_names(names: Names, workload: Workload) -> list[str]:
    """Return the names of a workload's roles: the execution role, and the task role if its code calls AWS."""
    task = [task_role_name(names, workload)] if workload in TASKS else []
    return [execution_role_name(names, workload), *task]


def workload_role_names(names: Names) -> list[str]:
    """Return the names of all roles that a deploy manages: those of the workloads and of the `.ork` processor."""
    return [
        *(role for workload in Workload for role in role_names(names, workload)),
        names.resource(Reader.ORK_PROCESSOR),
    ]


def every_role_name(names: Names) -> list[str]:
    """Return the names of all roles of the program."""
    return [*workload_role_names(names), *map(names.resource, CI_ROLES)]


def workload_boundary_name(names: Names) -> str:
    """Return the name of the boundary of the workloads' roles."""
    return names.resource("workload", "boundary")


def ci_boundary_name(names: Names, role: Reader) -> str:
    """Return the name of the boundary of one of CI's roles."""
    return names.resource(role, "boundary")


def every_policy_name(names: Names) -> list[str]:
    """Return the names of all managed policies of the program."""
    return [
        workload_boundary_name(names),
        *(ci_boundary_name(names, role) for role in CI_ROLES),
        *map(names.resource, (LOOK, BALANCER, EDGE)),
    ]
