"""Plays the part of Cloudflare's API about a zone's records, rulesets and settings.

The original: https://developers.cloudflare.com/api/, as far as `PUBLISHED` of test_zone.py compares it.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import trustme
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

HOST: Final = "api.cloudflare.com"
_TIME: Final = "2026-01-01T00:00:00Z"
_COMPUTED: Final = {
    "created_on": _TIME,
    "modified_on": _TIME,
    "proxiable": True,
    "meta": {},
    "settings": {},
    "tags": [],
}

Answer = tuple[dict[str, Any], int]


@dataclass
class ZoneDouble:
    """A zone: its name, its contents by id, and its settings. `requests` records method and path of each request."""

    name: str
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    rulesets: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def record(self, id_: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return a record as the zone stores it: its name is always the whole host."""
        name = given["name"].rstrip(".").lower()
        whole = self.name if name == "@" else name if name.endswith(self.name) else f"{name}.{self.name}"
        return {**_COMPUTED, "proxied": False, "comment": None, **given, "id": id_, "name": whole}


def application(zone: ZoneDouble) -> Flask:
    """Return the API of a zone, which accepts any zone id."""
    app = Flask(__name__)
    app.before_request(lambda: zone.requests.append((request.method, request.path)))
    app.get("/client/v4/zones/<id_>")(lambda id_: _answer({"id": id_, "name": zone.name, "status": "active"}))
    _add_records(app, zone)
    _add_rulesets(app, zone)
    _add_settings(app, zone)
    return app


def _answer(result: Any, status: int = 200) -> Answer:  # noqa: ANN401 - JSON
    errors = [] if status == 200 else [{"code": 10003, "message": "there is none"}]
    return {"result": result, "success": status == 200, "errors": errors, "messages": []}, status


def _add_records(app: Flask, zone: ZoneDouble) -> None:
    path = "/client/v4/zones/<_zone>/dns_records"

    @app.get(path)
    def list_records(_zone: str) -> Answer:
        wanted = {key: request.args[key] for key in ("name", "type") if key in request.args}
        found = [one for one in zone.records.values() if wanted.items() <= one.items()]
        told, status = _answer(found)
        return {
            **told,
            "result_info": {"page": 1, "per_page": 100, "count": len(found), "total_count": len(found)},
        }, status

    @app.post(path)
    def make_record(_zone: str) -> Answer:
        id_ = _id(request.get_data())
        zone.records[id_] = zone.record(id_, request.get_json())
        return _answer(zone.records[id_])

    @app.route(f"{path}/<id_>", methods=["PUT", "PATCH"])
    def change_record(_zone: str, id_: str) -> Answer:
        zone.records[id_] = zone.record(id_, {**zone.records[id_], **request.get_json()})
        return _answer(zone.records[id_])

    _add_read_and_delete(app, path, lambda: zone.records)


def _add_rulesets(app: Flask, zone: ZoneDouble) -> None:
    path = "/client/v4/zones/<_zone>/rulesets"

    def made(id_: str, given: dict[str, Any]) -> Answer:
        rules = [
            {"version": "1", "last_updated": _TIME, "enabled": True, "ref": rule_id, "id": rule_id, **rule}
            for rule in given.get("rules") or ()
            for rule_id in [_id(repr(rule).encode())]
        ]
        zone.rulesets[id_] = {**given, "id": id_, "rules": rules, "version": "1", "last_updated": _TIME}
        return _answer(zone.rulesets[id_])

    def entrypoint(phase: str) -> str:
        return next((id_ for id_, one in zone.rulesets.items() if one["phase"] == phase), "")

    @app.post(path)
    def make_ruleset(_zone: str) -> Answer:
        given: dict[str, Any] = request.get_json()
        return made(_id(given["phase"].encode()), given)

    @app.get(f"{path}/phases/<phase>/entrypoint")
    def read_entrypoint(_zone: str, phase: str) -> Answer:
        id_ = entrypoint(phase)
        return _answer(zone.rulesets[id_]) if id_ else _answer(None, 404)

    @app.put(f"{path}/phases/<phase>/entrypoint")
    def change_entrypoint(_zone: str, phase: str) -> Answer:
        id_ = entrypoint(phase)
        return made(id_, {**zone.rulesets[id_], **request.get_json()})

    @app.put(f"{path}/<id_>")
    def change_ruleset(_zone: str, id_: str) -> Answer:
        return made(id_, {**zone.rulesets[id_], **request.get_json()})

    _add_read_and_delete(app, path, lambda: zone.rulesets)


def _add_settings(app: Flask, zone: ZoneDouble) -> None:
    path = "/client/v4/zones/<_zone>/settings/<id_>"

    def setting(id_: str) -> dict[str, Any]:
        return {"id": id_, "value": zone.settings.get(id_, "off"), "editable": True, "modified_on": _TIME}

    @app.get(path)
    def read_setting(_zone: str, id_: str) -> Answer:
        return _answer(setting(id_))

    @app.patch(path)
    def change_setting(_zone: str, id_: str) -> Answer:
        zone.settings[id_] = request.get_json()["value"]
        return _answer(setting(id_))


def _add_read_and_delete(app: Flask, path: str, there: Callable[[], dict[str, dict[str, Any]]]) -> None:
    def read(_zone: str, id_: str) -> Answer:
        return _answer(there()[id_]) if id_ in there() else _answer(None, 404)

    def delete(_zone: str, id_: str) -> Answer:
        there().pop(id_, None)
        return _answer({"id": id_})

    app.add_url_rule(f"{path}/<id_>", f"read {path}", read, methods=["GET"])
    app.add_url_rule(f"{path}/<id_>", f"delete {path}", delete, methods=["DELETE"])


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments: object) -> None:
        """Stay quiet."""


def _id(text: bytes) -> str:
    return sha256(text).hexdigest()[:32]


@dataclass(frozen=True)
class ServedZone:
    """A zone, the address of its HTTPS API, and the file with the certificate authority to trust."""

    zone: ZoneDouble
    address: str
    authority: Path

    @property
    def route(self) -> str:
        """The value for `--connect-to`."""
        return f"{HOST}:443:{self.address}"

    @property
    def trust(self) -> ssl.SSLContext:
        """The TLS context of a client that trusts the API."""
        return ssl.create_default_context(cafile=str(self.authority))


@contextmanager
def serving_zone(zone: ZoneDouble, folder: Path) -> Iterator[ServedZone]:
    """Serve a zone, and write the authority's certificate into the folder."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert(HOST, "127.0.0.1").configure_cert(context)
    server = make_server("127.0.0.1", 0, application(zone), threaded=True, ssl_context=context, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield ServedZone(zone, f"127.0.0.1:{server.server_port}", folder / "authority.pem")
    finally:
        server.shutdown()
