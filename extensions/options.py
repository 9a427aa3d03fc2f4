"""Which answers cannot be combined."""

from collections.abc import Mapping
from typing import Any

# Platforms that need the files of another platform.
NEEDS = {"kubernetes": "docker", "fly": "docker"}
# The queues whose jobs wait in Redis. They need a clock for periodic jobs.
ON_REDIS = ("dramatiq", "celery")
# The words that copier reads as yes and as no.
YES, NO = ("y", "yes", "t", "true", "on"), ("n", "no", "f", "false", "off")
# Django's own apps. Its tables and migrations use these names.
DJANGO_APPS = ("admin", "auth", "contenttypes", "messages", "sessions", "staticfiles")


def conflict(answers: Mapping[str, Any]) -> str:
    """Return which answers cannot be combined, as one sentence, or an empty string."""
    if answers.get("queue") == "procrastinate" and answers.get("database") == "none":
        return "queue procrastinate keeps its jobs in Postgres: choose database postgres too."
    if answers.get("framework") == "django" and answers.get("package") in DJANGO_APPS:
        return f"package {answers['package']} is the name of one of Django's own apps: choose another."
    if is_yes(answers.get("clock")) and answers.get("queue", ON_REDIS[0]) not in ON_REDIS:
        if answers["queue"] == "procrastinate":
            return "clock is not needed: procrastinate's workers enqueue periodic jobs themselves."
        return "clock enqueues jobs: choose a queue too."
    return ""


def is_yes(answer: object) -> bool:
    """Tell whether an answer means yes."""
    return str(answer).lower() in YES


def platform_problem(chosen: list[str]) -> str:
    """Return which platform lacks another, as the end of a sentence that begins with the question."""
    for platform, needed in NEEDS.items():
        if platform in chosen and needed not in chosen:
            return f"has {platform}, which needs {needed}."
    return ""
