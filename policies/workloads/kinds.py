"""Resource types of workloads and of the network that they stand in."""

from __future__ import annotations

from typing import Final

VPC: Final = frozenset(("aws:ec2/vpc:Vpc",))
SUBNET: Final = frozenset(("aws:ec2/subnet:Subnet",))
SUBNET_GROUP: Final = frozenset(("aws:rds/subnetGroup:SubnetGroup",))
ROUTE: Final = frozenset(("aws:ec2/route:Route",))
ROUTE_TABLE: Final = frozenset(("aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable"))
ROUTE_TABLE_ASSOCIATION: Final = frozenset(("aws:ec2/routeTableAssociation:RouteTableAssociation",))
INTERNET_GATEWAY: Final = frozenset(("aws:ec2/internetGateway:InternetGateway",))
FLOW_LOG: Final = frozenset(("aws:ec2/flowLog:FlowLog",))
DEFAULT_GROUP: Final = frozenset(("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",))
DATABASE_CLUSTER: Final = frozenset(("aws:rds/cluster:Cluster",))
DATABASE_INSTANCE: Final = frozenset(("aws:rds/instance:Instance",))
CLUSTER_INSTANCE: Final = frozenset(("aws:rds/clusterInstance:ClusterInstance",))
CLUSTER_PARAMETERS: Final = frozenset(("aws:rds/clusterParameterGroup:ClusterParameterGroup",))
INSTANCE_PARAMETERS: Final = frozenset(("aws:rds/parameterGroup:ParameterGroup",))
TASK_DEFINITION: Final = frozenset(("aws:ecs/taskDefinition:TaskDefinition",))
TASK_CLUSTER: Final = frozenset(("aws:ecs/cluster:Cluster",))
SERVICE: Final = frozenset(("aws:ecs/service:Service",))
TASK_SET: Final = frozenset(("aws:ecs/taskSet:TaskSet",))
FUNCTION: Final = frozenset(("aws:lambda/function:Function",))
FUNCTION_PERMISSION: Final = frozenset(("aws:lambda/permission:Permission",))
FUNCTION_URL: Final = frozenset(("aws:lambda/functionUrl:FunctionUrl",))
FUNCTION_RECURSION: Final = frozenset(("aws:lambda/functionRecursionConfig:FunctionRecursionConfig",))
EVENT_SOURCE: Final = frozenset(("aws:lambda/eventSourceMapping:EventSourceMapping",))
QUEUE: Final = frozenset(("aws:sqs/queue:Queue",))
