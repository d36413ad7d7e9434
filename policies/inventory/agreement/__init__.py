"""What the owners of a stack agreed to: made from its settings and its plan, compared, shown and written.

Nothing here runs in the pack's own process. `pins` says what follows from the settings, `plan` what follows from the
plan; `__main__` is the command.
"""
