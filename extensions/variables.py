"""The settings of a service, each with what a platform needs to know of it.

What a new option needs is an entry in the list, with the answer that brings it in `when`.
tests/platforms/ holds them against `Settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PLATFORMS = ("heroku", "docker", "kubernetes", "fly", "render")


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
    Setting(
        "CLIENT_TIMEOUT_SECONDS",
        "30",
        "How long a client may take to send a head, pause in a body, or leave a response unread.",
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
        "Refuse plain HTTP, redirect clients that ask for a page, and send HSTS.",
        differs=dict.fromkeys(EVERYWHERE, "true"),
        why="The router ends TLS and says in X-Forwarded-Proto what the client used.",
    ),
    Setting("WORKER_CONCURRENCY", "8", "How many jobs a worker runs at once.", when="worker"),
    Setting(
        "VERSION",
        "unreleased",
        "The release that runs here, such as v42; the index and the first event of the log show it.",
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
        "The port on which Prometheus reads the metrics of each process; empty is none.",
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
