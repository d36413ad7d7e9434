"""The workloads pack: what runs behind the entry points runs closed, encrypted, logged and recoverable.

`RULES` is the pack. `network` and the `wiring` in it come first, then what stands in it: `databases`, `services`, the
`capacity` of both, the `containers` of their tasks with what is injected into them (`injections`) and what stands in
their environment (`environments`), `functions`, `queues` and the `lifetimes` of logs and data; `parking` looks at all
of it. What a container is comes from `container_definitions`, which reads their JSON.
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
