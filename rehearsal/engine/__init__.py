"""The engine: from a program and policy packs to a plan with a verdict."""
