"""The commands to run before, around and after a deploy."""
