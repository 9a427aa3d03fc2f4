"""Everything that varies between deploys. Nothing else reads the environment."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings

from .runtime.config import CONFIG

type LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class Settings(BaseSettings):
    """One field a variable: PORT is `port`. README.md and .env.example list them too."""

    model_config = CONFIG

    port: int = Field(default=8000, ge=0, le=65535)
    """The port `web` listens on; 0 takes any free one."""
    host: str = "::"
    """The address `web` listens on; `::` is every interface, IPv6 and IPv4."""
    web_concurrency: int = Field(default=1, ge=1)
    """How many processes share the port."""
    log_level: Annotated[LogLevel, BeforeValidator(str.lower)] = "info"
    """The least level that is logged."""
    log_format: Annotated[Literal["json", "console", "auto"], BeforeValidator(str.lower)] = "auto"
    """json, console, or auto: console on a terminal and JSON elsewhere."""
    shutdown_drain_seconds: float = Field(default=3, ge=0, allow_inf_nan=False)
    """After SIGTERM, how long `web` still accepts what a lagging router sends."""
    shutdown_grace_seconds: float = Field(default=20, ge=0, allow_inf_nan=False)
    """After the drain, how long running work may take. Heroku kills 30 s after SIGTERM."""
    max_body_bytes: int = Field(default=1_048_576, ge=0)
    """The largest request body, in bytes."""
    forwarded_allow_ips: str = "127.0.0.1,::1"
    """Proxies whose X-Forwarded-* are believed: addresses and networks, with commas; `*` is all."""
    https_only: bool = False
    """Redirect plain HTTP, and send HSTS."""
    dyno: str = ""
    """Set by Heroku: the name of this dyno."""
    heroku_app_name: str = ""
    """Set by Heroku with dyno metadata: the name of the app."""
    heroku_release_version: str = ""
    """Set by Heroku with dyno metadata: the release, such as v42."""
    heroku_build_commit: str = ""
    """Set by Heroku with dyno metadata: the commit of the release."""

    @property
    def version(self) -> str:
        """What runs here: the release, the commit, or neither."""
        return self.heroku_release_version or self.heroku_build_commit or "unreleased"

    # Your own settings go below this line.
