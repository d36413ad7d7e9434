"""Measurements: one command for each, with ratios from a single run."""
