"""No container engine is needed here: the files are held against their schemas and the checkout."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from server.master_key import VARIABLE as MASTER_KEY
from server.settings import Settings
from server.settings_sources import load_settings, meta_of
from tests.packaging import ROOT, project, read
from tools.healthcheck import greeting


def compose() -> dict[str, Any]:
    text = read("docker-compose.yml")
    result: dict[str, Any] = YAML(typ="safe").load(text)
    return result


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions with their arguments, long lines joined."""
    text = re.sub(r"\\\n\s*", "", read("Dockerfile"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        (word, rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in lines)
    ]


def test_compose_file_keeps_to_the_schema() -> None:
    schema = "vendor.compose-spec"
    command = ["check-jsonschema", "--builtin-schema", schema, "docker-compose.yml"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_server_waits_for_a_healthy_database() -> None:
    services = compose()["services"]
    assert services["server"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["db"]["image"] == "mysql:8.4"
    assert "SELECT 1" in services["db"]["healthcheck"]["test"][1]
    [volume] = services["db"]["volumes"]
    name, _, folder = volume.partition(":")
    assert name in compose()["volumes"]
    assert folder == "/var/lib/mysql"


def test_only_this_machine_reaches_the_server_unless_asked_otherwise() -> None:
    assert compose()["services"]["server"]["ports"][0].startswith("${BIND_ADDRESS:-127.0.0.1}:")
    assert "ports" not in compose()["services"]["db"]


def test_the_master_key_outlives_the_container() -> None:
    """Without it nothing in the database can be read."""
    server = compose()["services"]["server"]
    [volume] = server["volumes"]
    name, _, folder = volume.partition(":")
    assert name in compose()["volumes"]
    written = dict(line.split("=", 1) for line in re.findall(r"\b[A-Z_]+=\S+", read("Dockerfile")))
    assert Path(written["DB_NAME"]).parent == Path(folder)
    assert "MASTER_KEY_FILE" not in written
    assert server["environment"][MASTER_KEY] == f"${{{MASTER_KEY}:-}}"


def test_there_is_no_secret_in_the_files() -> None:
    environment = compose()["services"]["db"]["environment"]
    for name, value in environment.items():
        if "PASSWORD" in name:
            assert value.startswith("${" + name + ":?")
            assert f"\n{name}=\n" in read(".env.example")
    assert ".env" in read(".gitignore").splitlines()


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", read("docker-compose.yml")))
    assert used == set(re.findall(r"^#?([A-Z_]+)=", read(".env.example"), re.MULTILINE))


def test_the_server_understands_its_settings() -> None:
    given = compose()["services"]["server"]["environment"]
    environ = {
        name: re.sub(
            r"\$\{(\w+):[-?]([^}]*)\}", lambda m: m[2] if m[1] != "MYSQL_PASSWORD" else "x", value
        )
        for name, value in given.items()
    }
    known = {(field["env"]) for field in _variables()} | {MASTER_KEY}
    assert set(environ) <= known
    settings = load_settings([], environ)
    assert settings.host == "0.0.0.0"  # noqa: S104
    assert settings.database == "mysql://mymessenger:x@db:3306/mymessenger"


def _variables() -> Iterator[dict[str, str]]:
    for name in Settings.__struct_fields__:
        yield meta_of(name).extra or {}


def test_the_image_has_every_package_and_nothing_that_is_not_there() -> None:
    copied = [
        rest.split() for word, rest in dockerfile() if word == "COPY" and "--from" not in rest
    ]
    sources = {source for *names, _ in copied for source in names}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert _reaches_the_builder(source), source
    packages = {name.partition(".")[0] for name in project()["tool"]["setuptools"]["packages"]}
    assert {f"{name}/" for name in packages} <= sources


def _reaches_the_builder(path: str) -> bool:
    reaches = True
    for line in read(".dockerignore").splitlines():
        pattern = line.lstrip("!").rstrip("/")
        if pattern and not line.startswith("#") and fnmatch(path.rstrip("/"), pattern):
            reaches = line.startswith("!")
    return reaches


def test_the_image_runs_as_nobody_in_particular_and_stops_in_good_order() -> None:
    last = dict(dockerfile())
    assert last["USER"] == "mymessenger"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["VOLUME"] == "/data"
    assert last["EXPOSE"] == "8000"
    [program] = json.loads(last["ENTRYPOINT"])
    assert program in project()["project"]["scripts"]
    grace = compose()["services"]["server"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > Settings().shutdown_grace + 10


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Listen, answer the first request with these bytes and hang up; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def healthcheck(port: int) -> int:
    """Run it as the image does, and return its exit code."""
    command = [sys.executable, "-I", str(ROOT / "tools/healthcheck.py")]
    done = subprocess.run(command, env={"PORT": str(port)}, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    return done.returncode


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b'{"type":"welcome","protocol":1}\n', 0),
        (b'{"type":"error","code":"internal"}\n', 1),
        (b"Your name?\r\n", 1),
        (b"[]\n", 1),
        (b"", 1),
    ],
)
def test_healthcheck(answer: bytes, code: int) -> None:
    with answering(answer) as port:
        assert healthcheck(port) == code


def test_healthcheck_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert healthcheck(port) == 1


def test_the_greeting_is_what_the_server_said() -> None:
    with answering(b'{"type":"welcome"}\n') as port:
        assert greeting(port) == {"type": "welcome"}
