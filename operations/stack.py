"""The stack that a command works on: its settings, and the names and endpoints derived from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components import settings as stack_settings
from components.applications import APPLICATIONS, Application
from components.kinde_endpoints import Endpoints, endpoints
from components.naming import Names
from components.settings import Settings
from components.settings_problems import ConfigurationError
from operations import examples
from operations.examples import Example
from stackfiles import project
from stackfiles.failures import BadConfiguration


@dataclass(frozen=True)
class Stack:
    """One environment.

    `hosts` maps each application to its host; `origin` is the load balancer's own host; `examples` are the values of
    its file that are still examples.
    """

    settings: Settings
    names: Names
    endpoints: Endpoints
    hosts: Mapping[Application, str]
    origin: str
    examples: Sequence[Example]


def load(folder: Path, stack: str) -> Stack:
    """Read a stack's configuration. Encrypted values aren't decrypted: placeholders of the right shape replace them.

    Raises:
        BadConfiguration: there is no such stack, or its configuration is wrong; the message lists every problem.
    """
    try:
        read = project.load(folder.resolve(), stack)
        stand_ins = {f"{read.name}:{key}": text for key, text in stack_settings.placeholders().items()}
        config = {**read.config, **{key: text for key, text in stand_ins.items() if key in read.secret_keys}}
        settings = stack_settings.parse(read.name, stack, config, read.secret_keys)
    except ConfigurationError as error:
        raise BadConfiguration(str(error)) from None
    names = settings.names(read.name, stack)
    return Stack(
        settings,
        names,
        endpoints(settings),
        {application: names.host(application.label, settings.domain) for application in APPLICATIONS},
        names.host("origin", settings.domain),
        examples.find(folder.resolve(), stack),
    )
