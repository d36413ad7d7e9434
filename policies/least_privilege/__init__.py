"""The least-privilege pack: who may do what, judged from the policy documents of a stack.

`RULES` is the pack. The way of a document: `attached` finds it in a resource, `documents` reads it, `grants` says what
its statements allow, `rules` name what is wrong; `judging` remembers the outcome, since every rule asks for it.
`knowledge` is what the pack knows about AWS.
"""

from typing import Final

from policies.least_privilege.rules import managed, of_documents, people, readers
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (*of_documents.RULES, *managed.RULES, *people.RULES, *readers.RULES)
