"""``requirements.txt`` pins everything, with hashes, and says nothing of where it was made."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement

from tests.packaging import project, read

LOCKS = ["requirements.txt", "requirements-dev.txt"]


def pins(name: str) -> dict[str, str]:
    """Return what a lock pins: normalised name to version."""
    text = read(name)
    found = re.findall(
        r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
    )
    return dict(found)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_each_line_is_a_pin_a_hash_or_a_comment(name: str) -> None:
    for line in read(name).splitlines():
        assert re.fullmatch(
            r"(?:[a-z0-9-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?|\s*#.*|)", line
        ), line


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_or_folder(name: str) -> None:
    assert not re.search(r"https?://|file://|/tmp|index-url|find-links|trusted-host", read(name))


@pytest.mark.parametrize(("name", "extra"), [(LOCKS[0], None), (LOCKS[1], "dev")])
def test_everything_asked_for_is_pinned_to_a_version_that_was_asked_for(
    name: str, extra: str | None
) -> None:
    table = project()["project"]
    wanted = list(table["dependencies"])
    if extra is not None:
        wanted += table["optional-dependencies"][extra]
    locked = pins(name)
    for requirement in map(Requirement, wanted):
        assert locked[normal(requirement.name)] in requirement.specifier, requirement


def test_tests_run_with_what_users_get() -> None:
    users, developers = pins(LOCKS[0]), pins(LOCKS[1])
    assert {name: developers.get(name) for name in users} == users


def test_every_library_is_explained() -> None:
    page = read("docs/dependencies.md").lower()
    locked = pins(LOCKS[0])
    for requirement in map(Requirement, project()["project"]["dependencies"]):
        row = re.search(rf"^\| {requirement.name.lower()}\b.*", page, re.MULTILINE)
        assert row, requirement.name
        assert f"| {locked[normal(requirement.name)]}," in row.group()
