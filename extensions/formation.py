"""The formation: the process types, backing services and settings that the answers require.

Only this module and variables.py list them, and every platform's file is rendered from these lists. A new
option needs an entry in them, with the name of its boolean in `when`. tests/platforms/ compares the lists
with the Procfile and `Settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .variables import SETTINGS, Setting

# A platform waits this many seconds longer than the service may take to exit.
MARGIN = 5


@dataclass(frozen=True)
class Process:
    """A process type. `release` runs once per deploy and exits; the others keep running."""

    name: str
    does: str
    when: str = ""

    @property
    def once(self) -> bool:
        """Whether it exits by itself."""
        return self.name == "release"


@dataclass(frozen=True)
class Service:
    """A backing service: its setting, its URL and image in compose.yaml, and its add-ons on Heroku."""

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
    """What the answers require. The templates iterate over it."""

    package: str
    processes: list[Process]
    services: list[Service]
    settings: list[Setting]
    margin: int = MARGIN

    def command(self, process: str) -> str:
        """Return a process type's command: every platform's file has the same one as the Procfile."""
        return f"python -m {self.package} {process}"

    def names(self) -> list[str]:
        """Return the names of the process types, in the order of the Procfile."""
        return [process.name for process in self.processes]

    def listed(self, platform: str) -> list[Setting]:
        """Return the settings that a platform's file lists, in the order of `Settings`."""
        return [setting for setting in self.settings if setting.is_listed(platform)]

    def confidential(self) -> list[Setting]:
        """Return the settings that belong among the platform's secrets. URLs do too: they hold passwords."""
        return [setting for setting in self.settings if setting.kind != "value"]

    def unlisted(self, platform: str) -> list[str]:
        """Return the names that a platform's file omits: the platform sets them, or they do not apply."""
        return sorted(setting.name for setting in self.settings if not setting.is_listed(platform))

    def seconds_to_end(self, platform: str) -> int:
        """Return the number of seconds that a platform must wait between SIGTERM and SIGKILL."""
        values = {setting.name: setting.on(platform) or setting.default for setting in self.settings}
        return int(values["SHUTDOWN_DRAIN_SECONDS"]) + int(values["SHUTDOWN_GRACE_SECONDS"]) + MARGIN


def formation(context: Mapping[str, Any]) -> Formation:
    """Return the formation of these answers. Questions without an answer so far count as turned off."""

    def chosen(entry: Process | Service | Setting) -> bool:
        return not entry.when or bool(context.get(entry.when))

    return Formation(
        context.get("package", ""),
        list(filter(chosen, PROCESSES)),
        list(filter(chosen, SERVICES)),
        list(filter(chosen, SETTINGS)),
    )
