"""Prefect's own server, worker and client, started with exactly what the plan gives their containers.

The database is a real PostgreSQL that accepts only TLS connections, as Aurora does; the bootstrap task sets it up.
Unlike on Fargate, hosts, ports and folders are this machine's, and user and root file system are the test's.

    PREFECT=FOLDER/bin/prefect pytest -m real_workloads

names the program, for example after `uv venv FOLDER` and `uv pip install --python FOLDER/bin/python prefect asyncpg`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trustme

from components.catalogue import Workload
from tests.database_tasks.server import INSTALLED, Account, Server
from tests.planning import Plan
from tests.workloads import LAB
from tests.workloads.planned_container import PlannedContainer, planned_container

PROGRAM: Final = os.environ.get("PREFECT", "")
pytestmark = [
    pytest.mark.real_workloads,
    pytest.mark.skipif(not os.access(PROGRAM, os.X_OK), reason="PREFECT names no program of Prefect's"),
    pytest.mark.skipif(not INSTALLED, reason="needs PostgreSQL's server, such as the package postgresql"),
]

ADDRESS: Final = "prefect-api.lab.internal:4200"
"""The server's address in the plan; the host is known only in the VPC."""
FLOW: Final = """
from prefect import flow

@flow(log_prints=True)
def launch(height: int) -> int:
    print(f"apogee {height}")
    return height
"""
PROJECT: Final = """
pull:
  - prefect.deployments.steps.set_working_directory: {directory: DIRECTORY}
deployments:
  - {name: rocket, entrypoint: "launch.py:launch", parameters: {height: 1200}, work_pool: {name: flows}}
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass(frozen=True)
class Platform:
    """A server that answers, a worker that asks it for work, and the files from their image."""

    plan: Plan
    folder: Path
    values: Mapping[str, str]
    """Name of a secret -> its value."""
    api: str
    worker_port: int
    database: Server

    def environment(self, container: PlannedContainer) -> dict[str, str]:
        """Return a container's environment, with the ports of this machine."""
        here = {ADDRESS: self.api.removeprefix("http://").removesuffix("/api"), "/tmp": str(self.folder / "tmp")}
        own = {
            "PATH": f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}",
            "PREFECT_SERVER_API_PORT": httpx.URL(self.api).netloc.decode().rpartition(":")[2],
            "PREFECT_WORKER_WEBSERVER_PORT": str(self.worker_port),
        }
        return container.started_with(self.values, here) | own

    @contextlib.contextmanager
    def running(self, workload: Workload, **changes: str) -> Iterator[Process]:
        """Run a workload's container until the block ends; `changes` override variables."""
        container = planned_container(self.plan, f"lab-{workload}")
        # Only this machine needs to reach it.
        command = [word.replace("0.0.0.0", "127.0.0.1") for word in container.command]
        environment = self.environment(container) | changes
        log = self.folder / f"{workload}.log"
        with (
            log.open("w") as output,
            subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=output, start_new_session=True
            ) as started,
        ):
            try:
                yield Process(started, log, container.health, environment)
            finally:
                started.terminate()
                try:
                    started.wait(container.stop)
                except subprocess.TimeoutExpired:  # a worker of 3.9.1 once didn't stop
                    started.kill()

    def asked(self, path: str, credential: str = "", body: object = None) -> httpx.Response:
        """Return the API's answer to a POST, or to a GET if there is no body."""
        user, _, password = credential.partition(":")
        auth = httpx.BasicAuth(user, password) if credential else None
        return httpx.request("GET" if body is None else "POST", f"{self.api}{path}", auth=auth, json=body, timeout=60)

    def workers(self) -> list[dict[str, Any]]:
        """Return the workers that asked for work from the planned pool."""
        answered = self.asked("/work_pools/flows/workers/filter", self.credential, {})
        found: list[dict[str, Any]] = answered.json() if answered.status_code == 200 else []
        return found

    @property
    def credential(self) -> str:
        return self.values["prefect/api-auth"]


@dataclass(frozen=True)
class Process:
    """A running container."""

    started: subprocess.Popen[bytes]
    log: Path
    health: str
    environment: Mapping[str, str]

    def wait_until(self, true: Any) -> None:  # noqa: ANN401 - anything that can be called
        """Wait until a condition is true, while the process runs."""
        while not true():
            assert self.started.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def is_well(self) -> bool:
        """Tell whether the planned health check succeeds."""
        port = self.environment["PREFECT_WORKER_WEBSERVER_PORT"]
        command = self.health.replace(":8080/", f":{port}/")
        assert command != self.health
        done = subprocess.run(["sh", "-c", command], env=dict(self.environment), capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    # The server's own user needs access, which it wouldn't have to pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    (folder / "key.pem").chmod(0o600)
    (folder / "hosts").write_text("local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    files = {"hba_file": "hosts", "ssl_key_file": "key.pem", "ssl_cert_file": "certificate.pem"}
    settings = {"listen_addresses": "127.0.0.1", "port": str(free_port()), "ssl": "on"}
    server = Server(folder, {**settings, **{name: str(folder / file) for name, file in files.items()}})
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def platform(lab: Plan, database: Server, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("prefect")
    (folder / "tmp").mkdir()
    (folder / "launch.py").write_text(FLOW)
    (folder / "prefect.yaml").write_text(PROJECT.replace("DIRECTORY", str(folder)))
    port = database.environment(database.administrator)["PGPORT"]
    made = secrets.token_hex(16)
    values = {
        # In the form that `fill-secrets` writes.
        "prefect/database-url": f"postgresql+asyncpg://prefect:{made}@127.0.0.1:{port}/prefect?ssl=require",
        "prefect/api-auth": f"admin:{secrets.token_hex(16)}",
    }
    administrator = database.administrator
    for_bootstrap = {
        "infra/database_host": "127.0.0.1",
        "db/admin": json.dumps({"username": administrator.name, "password": administrator.password}),
        "backstage/db": json.dumps({"username": "backstage", "password": secrets.token_hex(16)}),
    }
    bootstrap = planned_container(lab, f"{LAB}-{Workload.BACKSTAGE_DB_BOOTSTRAP}")
    own = {key: value for key, value in database.environment(administrator).items() if key in ("PATH", "PGPORT")}
    environment = bootstrap.started_with(values | for_bootstrap, {}) | own
    done = subprocess.run(bootstrap.command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert database.may_sign_in(Account("prefect", made), "prefect")
    return Platform(lab, folder, values, f"http://127.0.0.1:{free_port()}/api", free_port(), database)


@pytest.fixture(scope="module")
def server(platform: Platform) -> Iterator[Process]:
    """The server, once its health check gives the answer that the load balancer expects."""

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return platform.asked("/health").status_code == 200
        return False

    with platform.running(Workload.PREFECT_API) as process:
        process.wait_until(answers)
        yield process


def test_the_server_has_its_tables_in_the_database(platform: Platform, server: Process) -> None:
    tables = platform.database.as_owner("SELECT count(*) FROM pg_tables WHERE tableowner = 'prefect'", "prefect")
    assert int(tables) > 20
    ways = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'prefect'"
    assert platform.database.as_owner(ways) == "t"


@pytest.mark.parametrize("path", ["/flows/filter", "/work_pools/filter", "/flow_runs/count"])
def test_the_server_refuses_requests_without_a_credential(path: str, platform: Platform, server: Process) -> None:
    assert platform.asked(path, body={}).status_code == 401
    assert platform.asked(path, "admin:another", {}).status_code == 401
    assert platform.asked(path, platform.credential, {}).status_code == 200


def test_a_worker_with_another_credential_gets_no_work(platform: Platform, server: Process) -> None:
    with platform.running(Workload.PREFECT_WORKER, PREFECT_API_AUTH_STRING="admin:another") as worker:
        assert worker.started.wait() != 0
    assert "401" in worker.log.read_text()
    assert platform.asked("/work_pools/filter", platform.credential, {}).json() == []


def test_a_flow_from_the_deployer_runs_in_the_worker(platform: Platform, server: Process) -> None:
    with platform.running(Workload.PREFECT_WORKER) as worker:
        worker.wait_until(platform.workers)
        worker.wait_until(worker.is_well)
        assert [found["status"] for found in platform.workers()] == ["ONLINE"]

        with platform.running(Workload.PREFECT_DEPLOYER) as deployer:
            assert deployer.started.wait() == 0, deployer.log.read_text()
        run = shlex.split(f"{PROGRAM} deployment run launch/rocket --watch --param height=2400")
        done = subprocess.run(
            run, cwd=platform.folder, env=dict(deployer.environment), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (flow_run,) = platform.asked("/flow_runs/filter", platform.credential, {}).json()
    assert flow_run["state_type"] == "COMPLETED"
    told = platform.asked("/logs/filter", platform.credential, {}).json()
    assert "apogee 2400" in [line["message"] for line in told]
    assert flow_run["work_pool_name"] == "flows"


def test_no_log_contains_a_secret(platform: Platform, server: Process) -> None:
    logs = "".join(log.read_text() for log in platform.folder.glob("*.log"))
    assert [name for name, value in platform.values.items() if value in logs] == []
