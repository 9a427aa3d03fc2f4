"""Find the answers that an existing service already gives: its name, its package and its parts."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from copier.errors import UserMessageError
from packaging.utils import canonicalize_name

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_SLUG, LONGEST_SENTENCE = 30, 200  # the same limits as in extensions/names.py
PYTHONS = ("3.12", "3.13", "3.14")
# The packages that imply an answer. If a package fits several answers, it implies none.
TOLD = {
    "framework": {name: name for name in ("fastapi", "litestar", "flask", "django")},
    "queue": {name: name for name in ("procrastinate", "dramatiq", "celery")},
    "database": dict.fromkeys(("psycopg", "psycopg2", "psycopg2-binary", "asyncpg"), "postgres"),
}
# Folders that do not hold the application.
OTHERS = {"tests", "test", "docs", "scripts", "migrations", "dev"}


def manifest(folder: Path) -> dict[str, Any]:
    """Read pyproject.toml, if there is one. Raises UserMessageError if it is not TOML."""
    path = folder / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise UserMessageError(f"{path} cannot be read: {error}") from None


def named(requirement: str) -> str:
    """Return the name of the package that a requirement asks for, or nothing."""
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return canonicalize_name(found[1]) if found else ""


def requirements(folder: Path) -> Iterator[str]:
    """Return the dependencies that pyproject.toml (or Poetry's tables) and requirements*.txt name."""
    read = manifest(folder)
    yield from read.get("project", {}).get("dependencies", [])
    yield from read.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for path in sorted(folder.glob("requirements*.txt")):
        yield from (line for line in path.read_text("utf-8", "replace").splitlines() if named(line))


def guesses(folder: Path) -> dict[str, Any]:
    """Return the answers that are certain. The template asks for the others."""
    read, found = manifest(folder), dict[str, Any]()
    project = read.get("project") or read.get("tool", {}).get("poetry", {})
    slug = canonicalize_name(str(project.get("name", "")) or folder.name)
    if "name" in project and SLUG.fullmatch(slug) and len(slug) <= LONGEST_SLUG:
        words = slug.replace("-", " ")
        found |= {"project_name": words[:1].upper() + words[1:], "project_slug": slug}
    if package := only_package(folder, slug.replace("-", "_")):
        found["package"] = package
    description = str(project.get("description", ""))
    if description and len(description) <= LONGEST_SENTENCE and description.isprintable():
        found["description"] = description.strip()
    names = {named(requirement) for requirement in requirements(folder)}
    for question, told in TOLD.items():
        answers = {answer for name, answer in told.items() if name in names}
        if len(answers) == 1:
            found[question] = answers.pop()
    if found.get("queue") == "procrastinate":
        found["database"] = "postgres"
    if names:
        found = {"database": "none", "queue": "none"} | found
    if (folder / "uv.lock").exists():
        found["package_manager"] = "uv"
    elif (folder / "requirements.txt").exists():
        found["package_manager"] = "pip"
    if (folder / ".gitlab-ci.yml").exists():
        found["ci"] = "gitlab"
    version = folder / ".python-version"
    if version.is_file() and (python := version.read_text("utf-8", "replace").strip()) in PYTHONS:
        found["python_version"] = python
    return found


def only_package(folder: Path, name: str) -> str:
    """Return the package with the service's name or with Django's settings, or else the only package."""
    found = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    found = [each for each in found if each not in OTHERS]
    if name in found:
        return name
    found = [each for each in found if (folder / each / "settings.py").exists()] or found
    return found[0] if len(found) == 1 else ""
