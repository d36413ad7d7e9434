"""A branch judged by the base branch's gate, and what the branch changes about the gate."""
