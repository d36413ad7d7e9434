"""Finds what exists in the account and the zone, with read-only calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import httpx
import jmespath
from botocore.exceptions import ClientError

from operations.adopt.kinds import CLOUDFLARE, Listing
from operations.adopt.resources import Values
from operations.adopt.terraform_state import values
from operations.aws import Aws, calls
from operations.checks.cloudflare import API, TOKEN
from operations.web import UNAVAILABLE, Web, send
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.json_type import Json

_GLOBAL: Final = frozenset({"cloudfront", "iam"})


class Live(Protocol):
    """Finds what exists."""

    def find(self, listing: Listing, terms: Values, region: str) -> Sequence[Values] | None:
        """Return the attributes of each resource that a listing finds in a region; None if its arguments aren't known.

        Args:
            listing: The call.
            terms: The planned resource's inputs, as far as they are known.
            region: Where to ask.

        Raises:
            Failure: no answer, or these credentials aren't allowed to ask.
        """


class Account:
    """The account of the shell's credentials, and the Cloudflare zones that `token` can read.

    Answers are cached. With an empty token, a question to Cloudflare is an error.
    """

    def __init__(self, region: str, web: Web, token: str) -> None:
        self._region = region
        self._web = web
        self._token = token
        self._regions: dict[str, Aws] = {}
        self._answers: dict[str, Sequence[Values]] = {}

    def find(self, listing: Listing, terms: Values, region: str) -> Sequence[Values] | None:
        """Implement `Live.find`."""
        arguments, given, operation = (
            _filled(part, terms) for part in (dict(listing.arguments), dict(listing.given), listing.operation)
        )
        if arguments is None or given is None or operation is None:
            return None
        region = self._region if listing.service in _GLOBAL else region
        key = json.dumps([listing.service, operation, arguments, region, listing.query])
        if key not in self._answers:
            ask = self._zone if listing.service == CLOUDFLARE else self._aws
            found = ask(listing, str(operation), arguments, region)
            attributes = given if isinstance(given, dict) else {}
            self._answers[key] = [_attributes({**entry, **attributes}) for entry in found]
        return self._answers[key]

    def _aws(self, listing: Listing, operation: str, arguments: Json, region: str) -> list[dict[str, Any]]:
        aws = self._regions.setdefault(region, Aws(region, self._web.timeout))
        client: Any = aws.lists(listing.service)
        given = arguments if isinstance(arguments, dict) else {}
        with calls(f"{listing.service} in {region}"):
            try:
                if client.can_paginate(operation):
                    return list(client.get_paginator(operation).paginate(**given).search(listing.query))
                return list(jmespath.search(listing.query, getattr(client, operation)(**given)) or ())
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in listing.absent:
                    return []
                raise

    def _zone(self, listing: Listing, path: str, _arguments: Json, _region: str) -> list[dict[str, Any]]:
        if not self._token:
            raise BadConfiguration(f"{TOKEN} isn't set, but the program plans Cloudflare resources")
        try:
            with self._web.client() as client:
                client.headers["Authorization"] = f"Bearer {self._token}"
                response = send(client, "GET", f"{API}/{path}", UNAVAILABLE)
                if response.status_code == httpx.codes.NOT_FOUND:
                    return []
                return list(jmespath.search(listing.query, response.raise_for_status().json()) or ())
        except httpx.TransportError as error:
            raise Failure(f"no answer from Cloudflare ({type(error).__name__})") from None
        except httpx.HTTPStatusError as error:
            raise Failure(f"Cloudflare answers {error.response.status_code} to {path}: check {TOKEN}") from None
        except (ValueError, TypeError):
            raise Failure(f"Cloudflare's answer to {path} can't be read") from None


def _attributes(entry: Mapping[str, Any]) -> Values:
    return {name: found for name, value in entry.items() if (found := tuple(values(value)))}


def _filled(template: Any, terms: Values) -> Json:  # noqa: ANN401 - JSON
    """Replace the inputs in arguments by their values; return None if one isn't known."""
    if isinstance(template, dict):
        filled = {key: _filled(value, terms) for key, value in template.items()}
        return None if None in filled.values() else filled
    if isinstance(template, list):
        items = [_filled(value, terms) for value in template]
        return None if None in items else items
    if not isinstance(template, str):
        fixed: Json = template
        return fixed
    try:
        return template.format_map({name: found[0] for name, found in terms.items() if found})
    except KeyError:
        return None
