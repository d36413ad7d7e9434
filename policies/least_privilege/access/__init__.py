"""Who can do what to what in a stack, and what a change adds to it.

`holders` collects what each principal has, `inclusion` compares two of them, `report` says it in tables and sentences.

The difference is decided, not sampled: where it says "no new access", no request that the plan before refused is
allowed by the plan after, within these limits:

- Policies of the plan only. Organization and session policies, and what others attach outside the stack, aren't seen; a
  managed policy of somebody else counts as unchanged if both plans attach it by the same ARN.
- Conditions are compared by their text: a statement replaces another if it has the same lines, with the same values or
  (for operators that aren't negated) fewer. Whatever else differs counts as new access, so does a denial that was there
  under a condition and isn't any more.
- Actions that the index doesn't know are compared as patterns. A policy variable is equal to itself only.
- A resource policy and an identity policy that give the same access are two accesses.
"""
