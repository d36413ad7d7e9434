"""The command `init`: asks for the facts of an owner and an environment, and writes the files that depend on them."""
