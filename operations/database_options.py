"""The options of `fill-secrets` that the catalogue's recipes need: names of users and databases, and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.catalogue import DatabaseAccount, DatabaseUrl, Maker, Secret, Shape, secrets_made_by
from operations import databases

if TYPE_CHECKING:
    from components.settings import Settings


@dataclass(frozen=True)
class DatabaseOption:
    """One option. `find_problem` returns why a text can't be its value, or an empty text.

    `administrator` says whether it names the database's administrator, whose default is a setting if the stack creates
    the database.
    """

    flag: str
    default: str
    title: str
    metavar: str
    find_problem: Callable[[str], str]
    administrator: bool = False

    def value(self, given: str | None, settings: Settings) -> str:
        """Return the given value, or else the default for a stack with these settings."""
        made_here = settings.database_administrator if settings.here and self.administrator else ""
        return given if given is not None else made_here or self.default


def user_flag(recipe: DatabaseAccount | DatabaseUrl) -> str:
    """Return the option that names a recipe's user."""
    return f"--{recipe.option}-user"


def database_flag(recipe: DatabaseUrl) -> str:
    """Return the option that names a URL's database."""
    return f"--{recipe.option}-database"


def parameters_flag(recipe: DatabaseUrl) -> str:
    """Return the option that sets a URL's parameters."""
    return f"--{recipe.option}-parameters"


def _find_parameters_problem(text: str) -> str:
    if re.fullmatch(r"([\w.-]+=[\w./-]+(&[\w.-]+=[\w./-]+)*)?", text):
        return ""
    return "isn't a list of parameters; accepted: NAME=VALUE, several separated by &"


def _list_options(secret: Secret) -> Iterator[DatabaseOption]:
    match secret.recipe:
        case DatabaseAccount(title=title, user=user) as recipe:
            administrator = secret.shape is Shape.DATABASE_ADMINISTRATOR
            find = databases.find_administrator_problem if administrator else databases.find_name_problem
            yield DatabaseOption(user_flag(recipe), user, title, "NAME", find, administrator)
        case DatabaseUrl(title=title, user=user) as recipe:
            find = databases.find_name_problem
            if user:
                yield DatabaseOption(user_flag(recipe), user, f"{title}'s database user", "NAME", find)
            yield DatabaseOption(database_flag(recipe), recipe.database, f"{title}'s database", "NAME", find)
            yield DatabaseOption(
                parameters_flag(recipe),
                recipe.parameters,
                f"end of {title}'s URL",
                "NAME=VALUE",
                _find_parameters_problem,
            )


DATABASE_OPTIONS: Final = tuple(option for secret in secrets_made_by(Maker.PROGRAM) for option in _list_options(secret))
