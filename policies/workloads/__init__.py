"""The workloads pack: workloads behind the entry points are closed, encrypted, logged and recoverable.

`RULES` is the pack. `network` and its `wiring` come first, then what is in the network: `databases`, `services`, the
`capacity` of both, the `containers` of their tasks with the values that are injected (`injections`) or written into
their environment (`environments`), `functions`, `queues` and the `lifetimes` of logs and data. `parking` looks at all
of it. `container_definitions` reads the JSON of containers.
"""

from typing import Final

from policies.rulebook import Rule
from policies.workloads import (
    capacity,
    containers,
    databases,
    environments,
    functions,
    injections,
    lifetimes,
    network,
    parking,
    queues,
    services,
    wiring,
)

RULES: Final[tuple[Rule, ...]] = (
    *network.RULES,
    *wiring.RULES,
    *databases.RULES,
    *services.RULES,
    *capacity.RULES,
    *containers.RULES,
    *injections.RULES,
    *environments.RULES,
    *functions.RULES,
    *queues.RULES,
    *lifetimes.RULES,
    *parking.RULES,
)
