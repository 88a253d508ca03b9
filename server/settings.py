"""The environment as one frozen object. The only file that reads it; the key stays a secret from here on."""

import base64
import html
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .endpoints import DEFAULT_REGION, Host, Region, host
from .network import is_host_name, is_loopback
from .text import complaints

PLAN_KEY = "sk-sp-"
MIN_TOKEN_CHARS = 16
MIN_SECRET_CHARS = 8  # a shorter "key" (x, for a local server) is no secret, and redacting it would eat words
TOOL_MODEL = re.compile(r"BAILIAN_(?P<tool>[A-Z_]+)_MODEL")
TOOL_MODEL_ROW = (
    "BAILIAN_<TOOL>_MODEL",
    "The model a tool uses when a call names none, as in BAILIAN_CHAT_MODEL. Default: the catalog's.",
)
ANY_KEY = r"\bsk-[a-z0-9_-]{6,}"


class BadSettings(Exception):
    """The environment holds something the server must not start with; the text says what to change."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True)

    _models: dict[str, str] = PrivateAttr(default_factory=lambda: _models_of_tools())

    api_key: SecretStr | None = Field(
        None,
        validation_alias="DASHSCOPE_API_KEY",
        description="Your Model Studio key. Without it the server starts and says how to get one.",
    )
    chosen_region: Region | None = Field(
        None,
        validation_alias="DASHSCOPE_REGION",
        description="Where the key was made (keys work in their own region only, and prices differ): "
        f"{', '.join(get_args(Region))}. Default: {DEFAULT_REGION}, or the region of a known DASHSCOPE_BASE_URL.",
    )
    workspace_id: str = Field(
        "",
        validation_alias="DASHSCOPE_WORKSPACE_ID",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$",
        description="Use this workspace's own host (larger requests, longer calls); "
        "with DASHSCOPE_BASE_URL set to another host: the workspace to work in there.",
    )
    base_url: str = Field(
        "",
        validation_alias="DASHSCOPE_BASE_URL",
        description="Another host: one of Alibaba's (its path may stay on), a gateway to them, a Coding or Token Plan "
        "URL, or any OpenAI-compatible server, whose URL ends in `/v1` but not in `/compatible-mode/v1` (set "
        "BAILIAN_CHAT_MODEL too). Plain http only to loopback.",
    )
    http_token: SecretStr | None = Field(
        None,
        validation_alias="BAILIAN_HTTP_TOKEN",
        description="What HTTP clients must send as `Authorization: Bearer ...`. "
        "At least 16 characters; needed to listen off loopback.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="BAILIAN_ALLOWED_HOSTS",
        description="Host names HTTP clients may use to reach this server, separated by `,`. "
        "Needed to listen off loopback.",
    )
    allowed_dirs: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        None,
        validation_alias="BAILIAN_ALLOWED_DIRS",
        description="Folders whose files may be sent, separated by `:` (`;` on Windows). "
        "Default on stdio: the working directory, unless that is `/` or your home folder; on HTTP: none.",
    )
    catalog_file: Path | None = Field(
        None,
        validation_alias="BAILIAN_CATALOG",
        description="A JSON file of your own models and prices, laid over the built-in catalog.",
    )
    timeout_s: float = Field(
        300,
        validation_alias="BAILIAN_TIMEOUT_S",
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds a call may take. A stream that is silent for 60 s ends earlier.",
    )
    soft_timeout_s: float = Field(
        45,
        validation_alias="BAILIAN_SOFT_TIMEOUT_S",
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds after which work in parts begins no new part and returns what is done: "
        "hosts give up at about 60.",
    )
    extract_repairs: int = Field(
        1,
        validation_alias="BAILIAN_EXTRACT_REPAIRS",
        ge=0,
        le=5,
        description="How often `extract` sends an answer back that does not fit the schema; each time is billed.",
    )
    uploads: bool = Field(
        True,
        validation_alias="BAILIAN_UPLOADS",
        description="Whether a file that does not fit into a request (7.5 MB) may go into DashScope's temporary "
        "storage, where it stays 48 hours and cannot be deleted.",
    )
    structured: bool = Field(
        False,
        validation_alias="BAILIAN_STRUCTURED",
        description="Whether results are given as data beside the text, with their schemas: for programs, since agents "
        "pay for both.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "WARNING",
        validation_alias="BAILIAN_LOG_LEVEL",
        description="What goes to stderr. Prompts and answers never do.",
    )

    @field_validator("allowed_dirs", mode="before")
    @classmethod
    def _split_dirs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(Path(p).expanduser() for p in value.split(os.pathsep) if p)
        except RuntimeError:
            raise ValueError("names the home folder of a user that does not exist") from None

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        names = (
            tuple(name.strip().lower() for name in value.split(",") if name.strip()) if isinstance(value, str) else ()
        )
        if strange := [name for name in names if not is_host_name(name)]:
            raise ValueError(f"must hold host names such as mcp.example.com or 192.0.2.7, not {strange[0][:80]}")
        return names

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("api_key", "http_token", mode="after")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        text = secret.get_secret_value().strip() if secret else ""
        if not (text.isascii() and text.isprintable()) or set(text) & set(" \"'"):
            raise ValueError("holds spaces, quotes or characters that no key has; copy it again")
        return SecretStr(text) if text else None

    @field_validator("api_key", mode="after")
    @classmethod
    def _placeholder_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        return key if key and key.get_secret_value().strip("sk-.") else None  # "sk-..." of a pasted block

    @model_validator(mode="after")
    def _token_is_a_secret(self) -> "Settings":
        given = "http_token" in self.model_fields_set
        if given and len(self.http_token.get_secret_value() if self.http_token else "") < MIN_TOKEN_CHARS:
            raise ValueError(f"BAILIAN_HTTP_TOKEN must have at least {MIN_TOKEN_CHARS} characters")
        return self

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

    @property
    def models(self) -> dict[str, str]:
        """Tool -> the model chosen for it by BAILIAN_<TOOL>_MODEL."""
        return self._models

    def require_safe_bind(self, address: str) -> None:
        """Raises BadSettings unless strangers are kept out when listening on `address`."""
        missing = [] if self.http_token else [f"BAILIAN_HTTP_TOKEN (a secret of at least {MIN_TOKEN_CHARS} characters)"]
        missing += [] if self.allowed_hosts else ["BAILIAN_ALLOWED_HOSTS (the host names clients use)"]
        if missing and not is_loopback(address):
            raise BadSettings(
                f"{address} can be reached from other machines: set {' and '.join(missing)}, or listen on 127.0.0.1."
            )

    def folders(self, *, remote: bool = False) -> tuple[Path, ...]:
        """The folders whose files may be sent, resolved. `remote`: the callers are not the person at this desk."""
        if self.allowed_dirs is not None:
            return tuple(folder.resolve() for folder in self.allowed_dirs)
        try:
            here, home = Path.cwd().resolve(), Path.home().resolve()
        except (OSError, RuntimeError):  # a folder that was deleted, a user without a home
            return ()
        return () if remote or home.is_relative_to(here) else (here,)  # not / and not all of home

    def redact(self, text: str) -> str:
        """`text` without the key and the token, however written, and without anything else that looks like a key."""
        secrets = (secret.get_secret_value() for secret in (self.api_key, self.http_token) if secret)
        return _any_of(tuple(secrets)).sub("[key]", text)


@cache
def _any_of(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """What finds the secrets in the spellings that error pages, URLs and logs give them."""
    known = [secret for secret in secrets if len(secret) >= MIN_SECRET_CHARS]
    spellings = {spelling for secret in known for spelling in _spellings(secret)}
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), ANY_KEY]), re.IGNORECASE)


def _spellings(secret: str) -> tuple[str, ...]:
    quoted = json.dumps(secret)[1:-1]
    return (
        secret,
        quote(secret, safe=""),
        quote(secret),
        html.escape(secret),
        repr(secret)[1:-1],
        quoted,
        quoted.replace("/", "\\/"),
        json.dumps(quoted)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
    )


def _models_of_tools() -> dict[str, str]:
    named = ((TOOL_MODEL.fullmatch(name), value.strip()) for name, value in os.environ.items())
    return {match["tool"].lower(): model for match, model in named if match and model}


def read_settings(**overrides: str) -> Settings:
    """Settings from the environment; `overrides` are variables that the command line sets instead.

    Raises:
        BadSettings: a variable holds something unusable; the text names it and never repeats its value.
    """
    _refuse_caps()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadSettings("\n".join(complaints(error.errors()))) from None


def child_environment() -> dict[str, str]:
    """The environment for a process of ours that needs no key."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DASHSCOPE_", "BAILIAN_"))}


def warnings_for_environment() -> list[str]:
    """What in the environment looks like a mistake but stops nothing: names that are no settings, missing folders."""
    known = {name for name, _ in settings_table()}
    unknown = [n for n in os.environ if n.startswith("BAILIAN_") and n not in known and not TOOL_MODEL.fullmatch(n)]
    folders = [folder for folder in os.environ.get("BAILIAN_ALLOWED_DIRS", "").split(os.pathsep) if folder]
    missing = [folder for folder in folders if not os.path.isdir(os.path.expanduser(folder))]
    return [
        *(f"{name} is not a setting." for name in sorted(unknown)),
        *(f"BAILIAN_ALLOWED_DIRS: {folder} is not a folder." for folder in missing),
    ]


def settings_table() -> list[tuple[str, str]]:
    """(variable, meaning) of each setting, for --help and the pages."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = f" Default: {field.default}." if field.default else ""
        rows.append((str(field.validation_alias), f"{field.description}{default}"))
        if name == "allowed_dirs":
            rows.append(TOOL_MODEL_ROW)
    return rows


def _refuse_caps() -> None:
    """A cap that does not hold is worse than none: until caps are built, asking for one stops the start."""
    for span in ("CALL", "SESSION", "DAY"):
        if os.environ.get(name := f"BAILIAN_MAX_COST_PER_{span}"):
            raise BadSettings(f"{name} is set, but this version cannot hold a spending cap yet. Unset it to start.")
