"""Every setting, typed, in one class, read from the environment. A wrong value stops the start with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.contract import Application
from connectors.google import limits as google
from connectors.limits import Limit, check_options
from connectors.linkedin import limits as linkedin
from connectors.meta import limits as meta

LEASE_TO_SPARE: Final = 10
"""Seconds that a claim outlives the longest batch by."""


class WrongSetting(Exception):  # noqa: N818 - read aloud as "wrong setting"
    """A setting cannot be used; the message names the variable and says why."""


class ChannelSettings(BaseSettings):
    """The application registered at one channel. Empty means that this channel is not set up."""

    client_id: str = Field(default="", description="the application's id at the channel")
    client_secret: SecretStr = Field(default=SecretStr(""), description="the application's secret at the channel")
    version: str = Field(
        default="", description="version of the channel's API; empty takes the one this release was built for"
    )
    bases: dict[str, str] = Field(
        default_factory=dict,
        description="other addresses for the channel's servers, as JSON; used to reach a simulator",
    )
    options: dict[str, str] = Field(default_factory=dict, description="further settings of this channel, as JSON")

    declared: ClassVar[Sequence[Limit]] = ()
    """The channel's limits, whose figures are options."""

    @field_validator("options")
    @classmethod
    def _limits_are_known_numbers(cls, value: dict[str, str]) -> dict[str, str]:
        check_options(value, cls.declared)
        return value

    @property
    def application(self) -> Application:
        """The same as the connectors take it."""
        return Application(
            client_id=self.client_id,
            client_secret=self.client_secret.get_secret_value(),
            bases=self.bases,
            version=self.version,
            options=self.options,
        )


class GoogleSettings(ChannelSettings):
    """Google's application."""

    declared = google.LIMITS

    model_config = SettingsConfigDict(env_prefix="SEGSYNC_GOOGLE_", extra="forbid")


class LinkedInSettings(ChannelSettings):
    """LinkedIn's application."""

    declared = linkedin.LIMITS

    model_config = SettingsConfigDict(env_prefix="SEGSYNC_LINKEDIN_", extra="forbid")


class MetaSettings(ChannelSettings):
    """Meta's application."""

    declared = meta.LIMITS

    model_config = SettingsConfigDict(env_prefix="SEGSYNC_META_", extra="forbid")


class Settings(BaseSettings):
    """All settings. The name of a variable is SEGSYNC_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SEGSYNC_", extra="ignore")

    data: Path = Field(
        default=Path(".data"), description="folder for the embedded servers, ledgers, imports and simulators"
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="PostgreSQL 15 or newer (postgresql://…); empty starts the embedded one in the data folder",
    )
    redis_url: SecretStr = Field(
        default=SecretStr(""), description="Redis 6.2 or newer (redis://…); empty starts the embedded one"
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="signs sessions; at least 32 characters; empty keeps a generated one in the data folder",
    )
    vault_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Fernet keys for tokens at rest, newest first, separated by commas; empty keeps a generated one in the data folder",
    )
    host: str = Field(default="127.0.0.1", description="address that the web listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8080, description="port that the web listens on")
    public_url: str = Field(
        default="", description="address under which people reach the product (https://…); empty means http://host:port"
    )
    proxies: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="reverse proxies in front of the web, whose X-Forwarded-For and -Proto are believed"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="workers that `segsync worker` starts, beside the one reserved for asks"
    )
    senders: Annotated[int, Field(ge=1, le=32)] = Field(
        default=4, description="workers that send the batches of one run at once, over all machines"
    )
    slice_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=10.0, description="how long a run may hold a worker before others get their turn"
    )
    request_seconds: Annotated[float, Field(gt=0, le=90)] = Field(
        default=60.0, description="longest time that one request to a channel may take in all"
    )
    lease_seconds: Annotated[int, Field(ge=30, le=3600)] = Field(
        default=240, description="how long a claim on a run lasts without a sign of life"
    )
    window_rows: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50_000, description="members read and compared at a time"
    )
    batch_rows: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=0, description="rows in a request, where a channel takes as many; 0 takes each channel's own number"
    )
    every_hours: Annotated[float, Field(gt=0, le=168)] = Field(
        default=6.0, description="how often a sync runs where it says nothing else"
    )
    resend_days: Annotated[float, Field(ge=0, le=365)] = Field(
        default=0,
        description="days after which who stays is sent again; 0 takes each channel's own number, which is never exceeded",
    )
    log_level: str = Field(default="info", description="debug, info, warning or error")
    log_format: str = Field(default="text", description="text for people or json for programs")
    import_max_mb: Annotated[int, Field(ge=1)] = Field(
        default=4096, description="largest file that may be imported, in megabytes"
    )

    warehouse_hosts: str = Field(
        default="",
        description="machines that warehouse connections may reach although they are not public: names, networks, Spark masters, "
        "separated by spaces",
    )
    warehouse_folders: str = Field(
        default="", description="folders whose DuckDB files warehouse connections may read, separated by spaces"
    )
    warehouse_seconds: Annotated[int, Field(ge=10, le=86_400)] = Field(
        default=900, description="longest time that a warehouse may take to give a segment's members"
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value not in {"debug", "info", "warning", "error"}:
            raise ValueError("use debug, info, warning or error")
        return value

    @field_validator("log_format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value not in {"text", "json"}:
            raise ValueError("use text or json")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:  # noqa: PLR2004 - as the message says
            raise ValueError("use at least 32 characters")
        return value

    @field_validator("lease_seconds")
    @classmethod
    def _outlives_a_batch(cls, value: int, info: ValidationInfo) -> int:
        """A batch may take twice as long as a request; the claim under which it is sent must still stand then."""
        least = 2 * info.data.get("request_seconds", 0) + LEASE_TO_SPARE
        if value < least:
            raise ValueError(
                f"use at least {least:g}, twice SEGSYNC_REQUEST_SECONDS and {LEASE_TO_SPARE} seconds to spare, "
                "so that no two workers ever send to the same audience"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("start it with http:// or https://")
        return value.rstrip("/")

    def application(self, channel: str) -> Application:
        """The application at a channel as its connector takes it. Raises KeyError for an unknown channel."""
        return replace(self.channels[channel].application, request_seconds=self.request_seconds)

    def rows_in_a_request(self, most: int) -> int:
        """Of a channel that takes `most`: the operator may ask for fewer, never for more."""
        return min(self.batch_rows or most, most)

    def resend_after(self, longest: timedelta) -> timedelta:
        """Where a channel needs members again after `longest`: the operator may ask for sooner, never for later."""
        return min(timedelta(days=self.resend_days) or longest, longest)

    @property
    def address(self) -> str:
        """Where people reach the product, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @cached_property
    def channels(self) -> dict[str, ChannelSettings]:
        """The channels' applications by name; one that is not set up has an empty client id."""
        return {"google": GoogleSettings(), "linkedin": LinkedInSettings(), "meta": MetaSettings()}


def read_settings(**overrides: object) -> Settings:
    """The settings of this process. Raises WrongSetting with one sentence for each wrong variable, never with its value."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
        settings.channels  # noqa: B018 - read now, so that a wrong channel stops the start
    except ValidationError as error:
        raise WrongSetting(_sentences(error)) from None
    except ValueError as error:
        raise WrongSetting(str(error)) from None
    return settings


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in problem["loc"]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        lines.append(f"SEGSYNC_{name} cannot be used: {reason[:1].lower()}{reason[1:]}.")
    return "\n".join(lines)
