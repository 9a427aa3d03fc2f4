"""The settings of a service, each with what a platform's file needs to know about it.

A new option needs an entry in the list, with the name of its boolean in `when`. tests/platforms/ compares
the list with `Settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PLATFORMS = ("heroku", "docker", "kubernetes", "fly", "render")


@dataclass(frozen=True)
class Setting:
    """A variable of `Settings`. `default` is its default there, in the form that the environment takes.

    `kind` is `value`, `url` (of a backing service) or `secret`. `in_development` is the value in
    .env.example, if it is not the default. `differs` holds the values that platforms' files set instead of
    the default. `given_by` names the platforms that set the variable themselves; it is `heroku` alone for
    a variable that exists only there.
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
        """Return the value that a platform's file sets, or an empty string if the default is right."""
        return self.differs.get(platform, "")

    def is_listed(self, platform: str) -> bool:
        """Tell whether a platform's file lists it."""
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
        "How long `web` still accepts requests after SIGTERM, because routers notice it late.",
        differs={"kubernetes": "10"},
        why="Endpoints and ingress controllers take a few seconds to notice.",
        in_development="0",
    ),
    Setting(
        "SHUTDOWN_GRACE_SECONDS",
        "20",
        "How long running work may take after the drain. Heroku kills 30 s after SIGTERM.",
        in_development="2",
    ),
    Setting(
        "CLIENT_TIMEOUT_SECONDS",
        "30",
        "How long a client may take to send headers, pause in a body, or leave a response unread.",
    ),
    Setting("MAX_BODY_BYTES", "1048576", "The largest request body, in bytes."),
    Setting(
        "FORWARDED_ALLOW_IPS",
        "127.0.0.1,::1",
        "Proxies whose X-Forwarded-* headers are trusted: IPs or networks, with commas; `*` is all.",
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
    Setting(
        "HSTS_SUBDOMAINS",
        "false",
        "Whether HSTS includes the subdomains of this host. All of them must then serve HTTPS.",
    ),
    Setting(
        "CORS_ORIGINS",
        "",
        "Origins whose pages may call this service, as browsers send them, with commas; `*` is all.",
    ),
    Setting(
        "DOCS_ENABLED",
        "false",
        "Serve the description of the API to everybody: `/docs`, `/redoc` and `/openapi.json`.",
        in_development="true",
        when="fastapi",
    ),
    Setting(
        "DOCS_ENABLED",
        "false",
        "Serve the description of the API to everybody: `/schema`.",
        in_development="true",
        when="litestar",
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
        "The key that signs sessions and links: at least 32 random characters.",
        kind="secret",
        when="django",
        in_development="for-development-alone-and-so-no-secret",
    ),
    Setting(
        "ALLOWED_HOSTS",
        "*",
        "The host names to serve, with commas; `*` is all, and `.a.com` includes its subdomains.",
        when="django",
    ),
    Setting(
        "STATIC_AUTOREFRESH",
        "false",
        "Serve static files from the apps' folders, instead of the files that the build collected.",
        in_development="true",
        only=(),  # for development
        when="django",
    ),
    Setting(
        "DATABASE_URL",
        "",
        "The URL of Postgres, such as postgres://user:password@host:5432/name.",
        kind="url",
        given_by=HEROKU,
        when="postgres",
    ),
    Setting(
        "DATABASE_POOL_SIZE",
        "5",
        "The most connections of each process. All processes together must fit the plan's limit.",
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
        "How long `release` waits for the lock of a table. Other queries wait behind it.",
        when="postgres",
    ),
    Setting(
        "REDIS_URL",
        "",
        "The URL of Redis, such as redis://user:password@host:6379/0, or rediss:// with TLS.",
        kind="url",
        given_by=HEROKU,
        when="redis",
    ),
    Setting(
        "REDIS_TLS_VERIFY",
        "true",
        "Whether to verify the certificate of rediss://. On Heroku, set false: it is self-signed.",
        differs={"heroku": "false"},
        why="Its Redis shows a certificate that it has signed itself.",
        when="redis",
    ),
    Setting(
        "REDIS_POOL_SIZE",
        "10",
        "The most connections of each process to Redis. All together must fit the plan's limit.",
        when="redis",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "The collector of traces and metrics, such as http://collector:4318. Off if empty.",
        when="opentelemetry",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "",
        "The URL for traces alone, such as http://collector:4318/v1/traces.",
        when="opentelemetry",
    ),
    Setting(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "",
        "The URL for metrics alone, such as http://collector:4318/v1/metrics.",
        when="opentelemetry",
    ),
    Setting(
        "SENTRY_DSN",
        "",
        "The DSN of a Sentry project, such as https://key@sentry.example.com/42. Off if empty.",
        when="sentry",
    ),
    Setting(
        "SENTRY_ENVIRONMENT",
        "production",
        "The environment that Sentry shows for this deploy.",
        when="sentry",
    ),
    Setting(
        "METRICS_PORT",
        "",
        "The port on which Prometheus reads the metrics of each process. Off if empty.",
        differs={"kubernetes": "9464"},
        why="Prometheus finds it by its name, `metrics`, and nothing else reaches it.",
        only=("docker", "kubernetes", "fly"),  # elsewhere, only the router can reach it
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
