"""The embedded engine: previews the program on an empty account and lets the policy packs judge it.

`engine/` runs the project's `__main__.py` in process, on a resource monitor that behaves like the Pulumi engine's
(URNs, unknowns, secrets, providers, source positions), and starts each pack as the engine does. It needs no Pulumi CLI,
no cloud account and no network. `reports/` describes plans and the differences between them; it never runs anything.
The modules beside them are the commands.
"""
