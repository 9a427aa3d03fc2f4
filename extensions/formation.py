"""The formation: process types, backing services and settings, as the answers ask for them.

Written once, here and in variables.py; every platform's file is rendered from it. What a new option
needs is an entry in these lists, with the answer that brings it in `when`. tests/platforms/ holds
them against the Procfile and `Settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .variables import SETTINGS, Setting

# The seconds that a platform waits longer than the service may take to end.
MARGIN = 5


@dataclass(frozen=True)
class Process:
    """A process type. `release` runs once a deploy and ends, the others run on."""

    name: str
    does: str
    when: str = ""

    @property
    def once(self) -> bool:
        """Whether it ends by itself."""
        return self.name == "release"


@dataclass(frozen=True)
class Service:
    """A backing service: the image that runs it in compose.yaml, where it is found there and by
    which setting, and Heroku's add-ons for it."""

    name: str
    setting: str
    url: str
    image: str
    addon: str
    addon_in_test: str
    when: str

    @property
    def major(self) -> str:
        """The version that production runs."""
        return self.image.rpartition(":")[2]


PROCESSES = (
    Process("web", "serves HTTP"),
    Process("release", "migrates the database", when="postgres"),
    Process("worker", "runs jobs", when="worker"),
    Process("clock", "enqueues periodic jobs", when="clock"),
)

SERVICES = (
    Service(
        "postgres",
        "DATABASE_URL",
        url="postgres://postgres:postgres@postgres/postgres",
        image="postgres:18",
        addon="heroku-postgresql:essential-0",
        addon_in_test="heroku-postgresql:in-dyno",
        when="postgres",
    ),
    Service(
        "redis",
        "REDIS_URL",
        url="redis://redis",
        image="redis:7",
        addon="heroku-redis:mini",
        addon_in_test="heroku-redis:in-dyno",
        when="redis",
    ),
)


@dataclass(frozen=True)
class Formation:
    """What the answers ask for, for the templates to go through."""

    package: str
    processes: list[Process]
    services: list[Service]
    settings: list[Setting]
    margin: int = MARGIN

    def command(self, process: str) -> str:
        """The words of the Procfile, which every platform repeats."""
        return f"python -m {self.package} {process}"

    def names(self) -> list[str]:
        """The process types, in the order of the Procfile."""
        return [process.name for process in self.processes]

    def listed(self, platform: str) -> list[Setting]:
        """The settings that a platform's file lists, in the order of `Settings`."""
        return [setting for setting in self.settings if setting.is_listed(platform)]

    def confidential(self) -> list[Setting]:
        """The settings that are kept where the platform keeps secrets: URLs hold passwords."""
        return [setting for setting in self.settings if setting.kind != "value"]

    def unlisted(self, platform: str) -> list[str]:
        """The names that a platform's file leaves out, because they are set, or mean nothing, there."""
        return sorted(setting.name for setting in self.settings if not setting.is_listed(platform))

    def seconds_to_end(self, platform: str) -> int:
        """How long a platform is to wait between SIGTERM and SIGKILL."""
        values = {setting.name: setting.on(platform) or setting.default for setting in self.settings}
        return int(values["SHUTDOWN_DRAIN_SECONDS"]) + int(values["SHUTDOWN_GRACE_SECONDS"]) + MARGIN


def formation(context: Mapping[str, Any]) -> Formation:
    """The formation of these answers; those that are not asked yet count as turned off."""

    def chosen(entry: Process | Service | Setting) -> bool:
        return not entry.when or bool(context.get(entry.when))

    return Formation(
        context.get("package", ""),
        list(filter(chosen, PROCESSES)),
        list(filter(chosen, SERVICES)),
        list(filter(chosen, SETTINGS)),
    )
