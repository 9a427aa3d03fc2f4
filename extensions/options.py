"""What the answers mean together: which cannot stand together."""

from collections.abc import Mapping
from typing import Any

# Platforms that run another one's files.
NEEDS = {"kubernetes": "docker", "fly": "docker"}
# The queues whose jobs wait in Redis, and which need a clock for what is enqueued at set times.
ON_REDIS = ("dramatiq", "celery")
# How one says yes and no, as copier reads an answer.
YES, NO = ("y", "yes", "t", "true", "on"), ("n", "no", "f", "false", "off")
# Django's own apps, by the names that its tables and migrations are filed under.
DJANGO_APPS = ("admin", "auth", "contenttypes", "messages", "sessions", "staticfiles")


def conflict(answers: Mapping[str, Any]) -> str:
    """Answers that cannot stand together, as one sentence, or nothing."""
    if answers.get("queue") == "procrastinate" and answers.get("database") == "none":
        return "queue procrastinate keeps its jobs in Postgres: choose database postgres too."
    if answers.get("framework") == "django" and answers.get("package") in DJANGO_APPS:
        return f"package {answers['package']} is the name of one of Django's own apps: choose another."
    if is_yes(answers.get("clock")) and answers.get("queue", ON_REDIS[0]) not in ON_REDIS:
        if answers["queue"] == "procrastinate":
            return "clock is not for queue procrastinate, whose workers enqueue at set times themselves."
        return "clock enqueues jobs: choose a queue too."
    return ""


def is_yes(answer: object) -> bool:
    """Whether a question of yes or no is answered with yes."""
    return str(answer).lower() in YES


def platform_problem(chosen: list[str]) -> str:
    """A platform without what it needs, as the end of a sentence that begins with the question."""
    for platform, needed in NEEDS.items():
        if platform in chosen and needed not in chosen:
            return f"has {platform}, which needs {needed}."
    return ""
