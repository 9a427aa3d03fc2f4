"""The formation: process types, backing services and settings, as the answers ask for them.

Written once, here; every platform's file is rendered from it. What a new option needs is an entry
in these lists, with the answer that brings it in `when`. tests/platforms/ holds them against the
Procfile and `Settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLATFORMS = ("heroku", "docker", "kubernetes", "fly", "render")
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


@dataclass(frozen=True)
class Setting:
    """A variable of `Settings`, with its default there as one writes it in the environment.

    `kind` is `value`, `url` (of a backing service) or `secret`. `in_development` is what .env.example
    sets it to, if not to the default. `differs` has what a platform sets
    instead of the default; `given_by` names the platforms that set it by themselves, or `heroku`
    alone for what means nothing elsewhere.
    """

    name: str
    default: str
    does: str
    kind: str = "value"
    in_development: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    given_by: tuple[str, ...] = ()
    only: tuple[str, ...] = PLATFORMS
    when: str = ""

    def on(self, platform: str) -> str:
        """What a platform's file sets it to, or an empty string where the default will do."""
        return self.differs.get(platform, "")

    def is_listed(self, platform: str) -> bool:
        """Whether a platform's file lists it."""
        return platform in self.only and platform not in self.given_by


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

EVERYWHERE = ("heroku", "kubernetes", "fly", "render")
HEROKU = ("heroku",)

SETTINGS = (
    Setting(
        "PORT",
        "8000",
        "The port `web` listens on; 0 takes any free one.",
        given_by=("heroku", "render"),
        in_development="8000",
    ),
    Setting("HOST", "::", "The address `web` listens on; `::` is every interface, IPv6 and IPv4."),
    Setting("WEB_CONCURRENCY", "1", "How many processes share the port.", given_by=("heroku", "render")),
    Setting(
        "WEB_THREADS",
        "20",
        "How many requests a process serves at once; more wait for their turn.",
        when="wsgi",
    ),
    Setting("LOG_LEVEL", "info", "The minimum level of the events that are logged."),
    Setting(
        "LOG_FORMAT",
        "auto",
        "json, console, or auto: console on a terminal and JSON elsewhere.",
        in_development="console",
    ),
    Setting(
        "SHUTDOWN_DRAIN_SECONDS",
        "3",
        "After SIGTERM, how long `web` still accepts what a lagging router sends.",
        differs={"kubernetes": "10"},
        why="Endpoints and ingress controllers take a few seconds to notice.",
        in_development="0",
    ),
    Setting(
        "SHUTDOWN_GRACE_SECONDS",
        "20",
        "After the drain, how long running work may take. Heroku kills 30 s after SIGTERM.",
        in_development="2",
    ),
    Setting("MAX_BODY_BYTES", "1048576", "The largest request body, in bytes."),
    Setting(
        "FORWARDED_ALLOW_IPS",
        "127.0.0.1,::1",
        "Proxies whose X-Forwarded-* count: addresses and networks, with commas; `*` is all.",
        differs=dict.fromkeys(EVERYWHERE, "*"),
        why="Every request comes through the platform's own router.",
    ),
    Setting(
        "HTTPS_ONLY",
        "false",
        "Redirect plain HTTP, and send HSTS.",
        differs=dict.fromkeys(EVERYWHERE, "true"),
        why="The router ends TLS and says in X-Forwarded-Proto what the client used.",
    ),
    Setting("WORKER_CONCURRENCY", "8", "How many jobs a worker runs at once.", when="worker"),
    Setting(
        "VERSION",
        "unreleased",
        "What runs here, such as v42: the index shows it, and the log tells it once at start.",
        given_by=("heroku", "render"),
    ),
    Setting(
        "SECRET_KEY",
        "",
        "What signs sessions and links: 32 characters or more, at random.",
        kind="secret",
        when="django",
        in_development="for-development-alone-and-so-no-secret",
    ),
    Setting(
        "ALLOWED_HOSTS",
        "*",
        "The host names that are served, with commas; `*` is all, `.a.com` its subdomains too.",
        when="django",
    ),
    Setting(
        "STATIC_AUTOREFRESH",
        "false",
        "Serve static files as the apps hold them at each request, not as the build collected them.",
        in_development="true",
        only=(),  # for development
        when="django",
    ),
    Setting(
        "DATABASE_URL",
        "",
        "Where Postgres is, such as postgres://user:password@host:5432/name.",
        kind="url",
        given_by=HEROKU,
        when="postgres",
    ),
    Setting(
        "DATABASE_POOL_SIZE",
        "5",
        "The most connections of a process; processes times this stay below the plan's limit.",
        when="postgres",
    ),
    Setting(
        "DATABASE_STATEMENT_TIMEOUT_SECONDS",
        "10",
        "How long one SQL statement of `web` may take.",
        when="postgres",
    ),
    Setting(
        "MIGRATION_LOCK_TIMEOUT_SECONDS",
        "5",
        "How long `release` waits for the lock of a table, while all others wait behind it.",
        when="postgres",
    ),
    Setting(
        "REDIS_URL",
        "",
        "Where Redis is, such as redis://user:password@host:6379/0, or rediss:// with TLS.",
        kind="url",
        given_by=HEROKU,
        when="redis",
    ),
    Setting(
        "REDIS_TLS_VERIFY",
        "true",
        "Whether the certificate of rediss:// must be valid; Heroku's are self-signed: false.",
        differs={"heroku": "false"},
        why="Its Redis shows a certificate that it has signed itself.",
        when="redis",
    ),
    Setting(
        "REDIS_POOL_SIZE",
        "10",
        "The most connections of a process to Redis; processes times this stay below the plan's.",
        when="redis",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "Where traces and metrics go, such as http://collector:4318; empty is nowhere.",
        when="opentelemetry",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "",
        "Where traces alone go, as a whole URL, such as http://collector:4318/v1/traces.",
        when="opentelemetry",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "",
        "Where metrics alone go, as a whole URL, such as http://collector:4318/v1/metrics.",
        when="opentelemetry",
    ),
    Setting(
        "SENTRY_DSN",
        "",
        "Where errors go, such as https://key@sentry.example.com/42; empty is nowhere.",
        when="sentry",
    ),
    Setting(
        "SENTRY_ENVIRONMENT",
        "production",
        "What Sentry calls this deploy.",
        when="sentry",
    ),
    Setting(
        "METRICS_PORT",
        "",
        "The port on which Prometheus asks each process; empty is none.",
        differs={"kubernetes": "9464"},
        why="Prometheus finds it by its name, `metrics`, and nothing else reaches it.",
        only=("docker", "kubernetes", "fly"),  # the others let nothing in but through their router
        when="prometheus",
    ),
    Setting(
        "DYNO",
        "",
        "Set by Heroku: the name of this dyno.",
        given_by=HEROKU,
        only=HEROKU,
        when="heroku",
    ),
    Setting(
        "HEROKU_APP_NAME",
        "",
        "Set by Heroku with dyno metadata: the name of the app.",
        given_by=HEROKU,
        only=HEROKU,
        when="heroku",
    ),
    Setting(
        "HEROKU_RELEASE_VERSION",
        "",
        "Set by Heroku with dyno metadata: the release, such as v42.",
        given_by=HEROKU,
        only=HEROKU,
        when="heroku",
    ),
    Setting(
        "HEROKU_BUILD_COMMIT",
        "",
        "Set by Heroku with dyno metadata: the commit of the release.",
        given_by=HEROKU,
        only=HEROKU,
        when="heroku",
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
