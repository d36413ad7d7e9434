"""Failures that end a command early, each with its exit code."""

from __future__ import annotations


class Failure(Exception):
    """Something failed: the program, an engine, a pack, a service. The text is all that the user needs to see."""

    exit_code = 1


class BadConfiguration(Failure):
    """The project, a stack file, a policy configuration or the command line is wrong."""

    exit_code = 2
