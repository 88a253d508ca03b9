"""The environment as one frozen object. The only file that reads it; the key stays a secret from here on."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .hosts import DEFAULT_REGION, Host, host, is_loopback

Region = Literal["cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"]
PLAN_KEY = "sk-sp-"
ANY_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{6,}")


class BadSettings(Exception):
    """The environment holds something the server must not start with; the text says what to change."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DASHSCOPE_API_KEY", "api_key"),
        description="Your Model Studio key. Without it the server starts and says how to get one.",
    )
    chosen_region: Region | None = Field(
        None,
        validation_alias=AliasChoices("DASHSCOPE_REGION", "chosen_region"),
        description="Where the key was made: keys work in their own region only, and prices differ. "
        f"Default: {DEFAULT_REGION}, or the region of a known DASHSCOPE_BASE_URL.",
    )
    workspace_id: str = Field(
        "",
        validation_alias=AliasChoices("DASHSCOPE_WORKSPACE_ID", "workspace_id"),
        pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="Use this workspace's own host (larger requests, longer calls); "
        "with DASHSCOPE_BASE_URL set to another host: the workspace to work in there.",
    )
    base_url: str = Field(
        "",
        validation_alias=AliasChoices("DASHSCOPE_BASE_URL", "base_url"),
        description="Another root host (a path is stripped), a Coding or Token Plan URL, or any OpenAI-compatible "
        "server (a URL ending in a bare `/v1`). Plain http only to loopback.",
    )
    http_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("BAILIAN_HTTP_TOKEN", "http_token"),
        min_length=16,
        description="What HTTP clients must send as `Authorization: Bearer ...`. Needed to listen off loopback.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias=AliasChoices("BAILIAN_ALLOWED_HOSTS", "allowed_hosts"),
        description="Host names HTTP clients may use to reach this server, separated by `,`. "
        "Needed to listen off loopback.",
    )
    allowed_dirs: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        None,
        validation_alias=AliasChoices("BAILIAN_ALLOWED_DIRS", "allowed_dirs"),
        description=f"Folders whose files may be sent, separated by `{os.pathsep}`. "
        "Default on stdio: the working directory, unless that is `/` or your home folder; on HTTP: none.",
    )
    chat_model: str = Field(
        "",
        validation_alias=AliasChoices("BAILIAN_CHAT_MODEL", "chat_model"),
        description="The model `chat` uses when a call names none. Default: the catalog's.",
    )
    timeout_s: float = Field(
        300,
        validation_alias=AliasChoices("BAILIAN_TIMEOUT_S", "timeout_s"),
        gt=0,
        le=3600,
        description="Seconds a call may take. A stream that is silent for 60 s ends earlier.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "WARNING",
        validation_alias=AliasChoices("BAILIAN_LOG_LEVEL", "log_level"),
        description="What goes to stderr. Prompts and answers never do.",
    )

    @field_validator("allowed_dirs", mode="before")
    @classmethod
    def _split_dirs(cls, value: Any) -> Any:
        return tuple(p for p in value.split(os.pathsep) if p) if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("api_key", "http_token", mode="after")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise ValueError("holds spaces or characters that no key has; copy it again")
        return SecretStr(text) if text else None

    @model_validator(mode="after")
    def _host_fits_the_key(self) -> "Settings":
        at = self.host  # raises where the settings contradict each other
        if (
            self.api_key
            and self.api_key.get_secret_value().startswith(PLAN_KEY)
            and at.kind == "dashscope"
            and at.known
        ):
            raise ValueError(
                "DASHSCOPE_API_KEY is a key of a Coding or Token Plan: set DASHSCOPE_BASE_URL to the plan's URL, "
                "or use a pay-as-you-go key (plans allow interactive coding tools only, read their terms first)"
            )
        return self

    @property
    def host(self) -> Host:
        """The service the key is for."""
        return host(self.base_url, self.chosen_region, self.workspace_id)

    def require_safe_door(self, address: str) -> None:
        """Raises BadSettings unless strangers are kept out when listening on `address`."""
        missing = [
            name
            for name, given in (("BAILIAN_HTTP_TOKEN", self.http_token), ("BAILIAN_ALLOWED_HOSTS", self.allowed_hosts))
            if not given
        ]
        if missing and not is_loopback(address):
            raise BadSettings(
                f"{address} can be reached from other machines: set {' and '.join(missing)} "
                "(a secret of at least 16 characters; the host names clients use), or listen on 127.0.0.1."
            )

    def folders(self, *, remote: bool = False) -> tuple[Path, ...]:
        """The folders whose files may be sent, resolved. `remote`: the callers are not the person at this desk."""
        if self.allowed_dirs is not None:
            return tuple(folder.expanduser().resolve() for folder in self.allowed_dirs)
        if remote:
            return ()
        here = Path.cwd().resolve()
        return () if here in (Path(here.anchor), Path.home().resolve()) else (here,)

    def redact(self, text: str) -> str:
        """`text` without the key and the token, however written, and without anything else that looks like a key."""
        secrets = [secret.get_secret_value() for secret in (self.api_key, self.http_token) if secret]
        spellings = {
            spelling for s in secrets for spelling in (s, quote(s, safe=""), repr(s)[1:-1], json.dumps(s)[1:-1])
        }
        for spelling in sorted(spellings, key=len, reverse=True):
            text = text.replace(spelling, "[key]")
        return ANY_KEY.sub("[key]", text)


def read(**overrides: Any) -> Settings:
    """Settings from the environment; `overrides` come from the command line.

    Raises:
        BadSettings: a variable holds something unusable; the text names it and never repeats its value.
    """
    _refuse_caps()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise BadSettings("\n".join(_complaint(e) for e in error.errors())) from None


def documented() -> list[tuple[str, str, str]]:
    """(variable, default, meaning) of each setting, for README and --help."""
    rows = []
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        default = "" if field.default in (None, "") else f"{field.default}"
        rows.append((str(field.validation_alias.choices[0]), default, field.description or ""))
    return rows


def _complaint(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    said = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{name}: {said}." if name else f"{said}."


def _refuse_caps() -> None:
    """A cap that does not hold is worse than none: until caps are built, asking for one stops the start."""
    for span in ("CALL", "SESSION", "DAY"):
        if os.environ.get(name := f"BAILIAN_MAX_COST_PER_{span}"):
            raise BadSettings(f"{name} is set, but this version cannot hold a spending cap yet. Unset it to start.")
