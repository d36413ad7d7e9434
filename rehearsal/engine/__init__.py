"""The engine: from a program and policy packs to a plan with a verdict."""

import os

# What gRPC logs is for its developers, and it would stand among a command's own words. It looks at the variable when it
# is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
