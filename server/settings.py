"""The environment as one frozen object. The only file that reads it; the key stays a secret from here on."""

import ipaddress
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Region = Literal["cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"]

DEFAULT_REGION: Region = "cn-beijing"
# Shared hosts, one per region that has one: https://help.aliyun.com/zh/model-studio/base-url
SHARED_HOSTS: dict[str, str] = {
    "cn-beijing": "dashscope.aliyuncs.com",
    "ap-southeast-1": "dashscope-intl.aliyuncs.com",
    "us-east-1": "dashscope-us.aliyuncs.com",
    "cn-hongkong": "cn-hongkong.dashscope.aliyuncs.com",
}
WORKSPACE_HOST = re.compile(r"[A-Za-z0-9_-]+\.(?P<region>[a-z0-9-]+)\.maas\.aliyuncs\.com")
KNOWN_SUFFIX = re.compile(r"(/compatible-mode/v1|/api/v1)?(/chat/completions)?/*$")
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
        description="Use this workspace's own host (larger requests, longer calls).",
    )
    base_url: str = Field(
        "",
        validation_alias=AliasChoices("DASHSCOPE_BASE_URL", "base_url"),
        description="Another root host, for instance a `bailian-mcp sandbox`. Plain http only to loopback.",
    )
    allowed_dirs: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        None,
        validation_alias=AliasChoices("BAILIAN_ALLOWED_DIRS", "allowed_dirs"),
        description=f"Folders whose files may be sent, separated by `{os.pathsep}`. "
        "Default: the working directory, unless that is `/` or your home folder.",
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

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _host_is_sound(self) -> "Settings":
        host = _host_name(self.base_url) if self.base_url else ""
        region = _region_of(host)
        if region and self.chosen_region and region != self.chosen_region:
            raise ValueError(
                f"DASHSCOPE_BASE_URL is a host of {region}, but DASHSCOPE_REGION says {self.chosen_region}"
            )
        if not host and not self.workspace_id and self.region not in SHARED_HOSTS:
            raise ValueError(f"{self.region} has no shared host: set DASHSCOPE_WORKSPACE_ID too")
        return self

    @field_validator("api_key", mode="after")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise ValueError("holds spaces or characters that no key has; copy it again from the console")
        return SecretStr(text) if text else None

    @property
    def region(self) -> str:
        """The region whose host is used and whose prices apply."""
        host = _host_name(self.base_url) if self.base_url else ""
        return _region_of(host) or self.chosen_region or DEFAULT_REGION

    @property
    def host(self) -> str:
        """The root URL every DashScope path is put behind, without a slash at its end."""
        if self.base_url:
            return KNOWN_SUFFIX.sub("", self.base_url.strip())
        if self.workspace_id:
            return f"https://{self.workspace_id}.{self.region}.maas.aliyuncs.com"
        return f"https://{SHARED_HOSTS[self.region]}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders whose files may be sent, resolved."""
        if self.allowed_dirs is not None:
            return tuple(folder.expanduser().resolve() for folder in self.allowed_dirs)
        here = Path.cwd().resolve()
        return () if here in (Path(here.anchor), Path.home().resolve()) else (here,)

    def redact(self, text: str) -> str:
        """`text` without the key, however it was written, and without anything else that looks like one."""
        secret = self.api_key.get_secret_value() if self.api_key else ""
        spellings = {secret, quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1]} - {""}
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


def _region_of(host: str) -> str | None:
    """The region a known DashScope host belongs to."""
    if workspace := WORKSPACE_HOST.fullmatch(host):
        return workspace["region"]
    return next((region for region, shared in SHARED_HOSTS.items() if shared == host), None)


def _host_name(base_url: str) -> str:
    """The host name of a base URL, if it may be used."""
    url = urlsplit(base_url.strip())
    if url.scheme not in ("https", "http") or not url.hostname or url.query or url.fragment or url.username:
        raise ValueError("DASHSCOPE_BASE_URL must be a plain https URL such as https://dashscope.aliyuncs.com")
    if url.scheme == "http" and not _loopback(url):
        raise ValueError("DASHSCOPE_BASE_URL: plain http is for loopback only, your key would travel in the clear")
    return url.hostname


def _loopback(url: SplitResult) -> bool:
    try:
        return url.hostname == "localhost" or ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return False
