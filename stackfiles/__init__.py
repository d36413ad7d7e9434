"""The files about a stack: its settings, the configuration of its policy packs, and its plan.

`rehearsal` and `operations` both read them; this package imports neither.
"""
