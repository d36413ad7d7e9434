"""The agreement of a stack's owners: derived from its settings and its plan, compared, shown and written.

Nothing here runs in the pack's own process. `pins` derives facts from the settings, `plan` from the plan, and `merge`
combines them with the file; `__main__` is the command.
"""
