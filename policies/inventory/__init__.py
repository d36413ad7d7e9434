"""The inventory pack: what a stack may hold, and the facts that its owners pin.

The other packs report known faults. This one closes the world around them: a type, a property or a value that nobody
agreed to is a violation, which says how to have it agreed.

- `table` reads `types/*.txt`: the types that the gate knows, and the verdict on each of their properties.
- `agreed_types` and `properties` compare a stack with that table and with the types that its owners list.
- `account`, `identity`, `roles` and `edge` compare it with the pinned facts; `providers` judges the providers that
  create its resources.
- `pinned_tags`, `granted_buckets` and `state_access` compare identity policies with the pinned facts.
  `identity_policies` reads these policies, and `documents` reads policy documents for all modules.
- `permissions`, `programs` and `values` compare three things with what was agreed: the permissions of roles, the
  programs of tasks and functions, and other values that no rule can judge by itself.
- `companions` looks for the resources that a bucket needs beside it.
- `ignored_changes` finds properties that stay as they are whatever the program says, `protection` finds resources that
  can be deleted by mistake.
- `secret_copies` finds secrets where they don't belong.

Owners agree to types and pin facts in the pack's configuration, one file for each stack;
`python -m policies.inventory.agreement` shows and writes it.
"""

from typing import Final

from policies.inventory import (
    account,
    agreed_types,
    companions,
    edge,
    granted_buckets,
    identity,
    ignored_changes,
    permissions,
    pinned_tags,
    programs,
    properties,
    protection,
    providers,
    roles,
    secret_copies,
    state_access,
    values,
)
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (
    *agreed_types.RULES,
    *properties.RULES,
    *companions.RULES,
    *ignored_changes.RULES,
    *protection.RULES,
    *providers.RULES,
    *account.RULES,
    *identity.RULES,
    *roles.RULES,
    *permissions.RULES,
    *pinned_tags.RULES,
    *granted_buckets.RULES,
    *state_access.RULES,
    *edge.RULES,
    *programs.RULES,
    *values.RULES,
    *secret_copies.RULES,
)
