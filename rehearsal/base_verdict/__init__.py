"""Judges a branch with the base branch's gate, and reports what the branch changes about the gate."""
