"""The engine: from a program and policy packs to a plan with a verdict."""

import os

# gRPC's logs are for its developers, and would mix with a command's own output. gRPC reads this when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
