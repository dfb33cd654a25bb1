"""The arrows point down, each library has its place, and nothing goes in circles."""

import pytest

from tests.architecture import imports
from tests.architecture.modules import PACKAGES, Module


def test_every_package_is_looked_at(ours: list[Module]) -> None:
    assert {module.package for module in ours} == set(PACKAGES) == set(imports.ARROWS)


def test_arrows_point_down(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in imports.wrong_arrows(module)] == []


def test_each_library_stays_in_its_place(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in imports.misplaced_libraries(module)] == []


def test_nothing_of_ours_is_imported_inside_a_function(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in imports.hidden_imports(module)] == []


def test_no_import_goes_in_a_circle(ours: list[Module]) -> None:
    assert imports.cycle(ours) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("domain/money.py", "import storage.jobs"),
        ("domain/money.py", "def f():\n    from services import accept"),
        ("storage/jobs.py", "from services.accept import accept"),
        ("storage/jobs.py", "from providers import base"),
        ("outbound/guard.py", "import providers"),
        ("providers/base.py", "from storage.jobs import find"),
        ("services/accept.py", "import api.app"),
        ("api/app.py", "from workers.app import app"),
        ("workers/app.py", "import api"),
        ("cli/main.py", "from api.app import create"),
        ("cli/main.py", "import workers.app"),
        ("services/accept.py", "from cli.stack import stack"),
        ("sandbox/app.py", "from services.settings import Settings"),
    ],
)
def test_an_arrow_that_points_up_or_aside_is_seen(path: str, text: str) -> None:
    [wrong] = imports.wrong_arrows(Module.of(path, text))
    assert wrong.startswith(f"{path}:")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("domain/money.py", "from domain.failures import Failure\nimport decimal"),
        ("services/accept.py", "from storage import jobs\nfrom providers import base"),
        ("api/app.py", "from services import accept"),
        ("cli/stack/stack.py", "from services.settings import Settings"),
        ("cli/stack/stack.py", "import domains_of_others"),
    ],
)
def test_an_arrow_that_points_down_is_fine(path: str, text: str) -> None:
    assert imports.wrong_arrows(Module.of(path, text)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("services/accept.py", "import fastapi"),
        ("services/accept.py", "from celery import Celery"),
        ("storage/jobs.py", "import kombu"),
        ("services/accept.py", "from sqlalchemy.orm import Session"),
        ("storage/jobs.py", "import asyncpg"),
        ("services/accept.py", "import boto3"),
        ("storage/objects/local.py", "import botocore.client"),
        ("services/accept.py", "import httpx"),
        ("api/app.py", "from pyreqwest.client import Client"),
        ("outbound/download.py", "import fal_client"),
        ("outbound/download.py", "import urllib.request"),
        ("outbound/download.py", "from http import client"),
    ],
)
def test_a_library_out_of_its_place_is_seen(path: str, text: str) -> None:
    [wrong] = imports.misplaced_libraries(Module.of(path, text))
    assert wrong.startswith(f"{path}:1")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("storage/queue.py", "from celery import Celery"),
        ("storage/objects/s3.py", "import boto3"),
        ("cli/client.py", "import httpx"),
        ("services/accept.py", "from urllib.parse import urlsplit\nfrom http import HTTPStatus"),
    ],
)
def test_a_library_in_its_place_is_fine(path: str, text: str) -> None:
    assert imports.misplaced_libraries(Module.of(path, text)) == []


def test_an_import_inside_a_function_is_seen() -> None:
    text = "class A:\n    async def f(self):\n        import json\n        from domain import money\n"
    [wrong] = imports.hidden_imports(Module.of("services/a.py", text))
    assert wrong.startswith("services/a.py:4 imports domain.money")


def test_a_circle_is_seen_over_packages_and_names() -> None:
    circle = [
        Module.of("services/__init__.py", ""),
        Module.of("services/a.py", "from services.b import thing"),
        Module.of("services/b.py", "import services.c"),
        Module.of("services/c.py", "from services import a"),
    ]
    assert set(imports.cycle(circle)) == {"services.a", "services.b", "services.c"}
    assert imports.cycle(circle[:3]) == []
