"""Loads what every plan loads, once, for the processes that are forked from here: half of a plan's time."""

from operator import attrgetter

import pulumi_aws as aws
import pulumi_cloudflare as cloudflare
from pulumi.runtime.proto import analyzer_pb2_grpc  # noqa: F401

import rehearsal.__main__
import rehearsal.engine.analyzers
import rehearsal.engine.monitor
import rehearsal.reports.console  # noqa: F401
from tests.sdk_names import sdk_names

for name in sdk_names():
    sdk, _, rest = name.partition(".")
    attrgetter(rest)({"aws": aws, "cloudflare": cloudflare}[sdk])
