"""The commands, one module each; `operations.__main__` has their table."""
