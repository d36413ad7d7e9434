"""The entry-points pack: one guarded way in, and nothing else that the internet reaches.

`RULES` is the pack. The modules follow a request: `cloudflare`, `distributions`, `load_balancers`, `listener_rules`,
`sign_in`; then what stands beside the way: `network`, `other_entrances`, `secret_values`. `way_in` looks at the whole
stack and at how its parts lead to each other, which the engine tells from where each value comes from (`links`).
"""

from typing import Final

from policies.entry_points import (
    cloudflare,
    distributions,
    listener_rules,
    load_balancers,
    network,
    other_entrances,
    secret_values,
    sign_in,
    way_in,
)
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (
    *cloudflare.RULES,
    *distributions.RULES,
    *load_balancers.RULES,
    *listener_rules.RULES,
    *sign_in.RULES,
    *network.RULES,
    *other_entrances.RULES,
    *secret_values.RULES,
    *way_in.RULES,
)
