"""The environment as one frozen object. The only file that reads it; the key stays a secret from here on."""

import base64
import html
import json
import os
import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import platformdirs
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .endpoints import DEFAULT_REGION, REGIONS, Host, Region, host, near_region, region_of
from .network import is_host_name, is_loopback
from .text import clip, complaint, listed_names

PLAN_KEY = "sk-sp-"
PLAN_KEY_ELSEWHERE = (
    "DASHSCOPE_API_KEY is a key of a Coding or Token Plan: set DASHSCOPE_BASE_URL to the plan's URL, "
    "or use a pay-as-you-go key (plans allow interactive coding tools only, read their terms first)."
)
MIN_TOKEN_CHARS = 16
TOKEN_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PLAIN = r"(?:[^\s:/?#\[\]@%]|%(?!00)[0-9A-Fa-f]{2})"  # what a part of a URL may hold as it is
STATE_URL = re.compile(
    rf"postgres(?:ql)?://(?:{_PLAIN}*(?::{_PLAIN}*)?@)?"
    rf"(?:{_PLAIN}*|\[[0-9A-Fa-f:.]+\])(?::\d*)?(?:,{_PLAIN}+(?::\d*)?)*(?:/{_PLAIN}*)?(?:\?(?:{_PLAIN}|[/:])*)?"
)  # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
MIN_SECRET_CHARS = 8  # a shorter "key" (x, for a local server) is no secret, and redacting it would eat words
TOOL_MODEL = re.compile(r"BAILIAN_(?P<tool>[A-Z_]+)_MODEL")
TOOL_MODEL_ROW = (
    "BAILIAN_<TOOL>_MODEL",
    "The model a tool uses when a call names none, as in BAILIAN_CHAT_MODEL. Default: the catalog's.",
)
# Without these, as somebody set them, no request is made: it would go elsewhere, or cost something else
NEEDED_TO_ASK = (
    "DASHSCOPE_API_KEY", "DASHSCOPE_REGION", "DASHSCOPE_WORKSPACE_ID", "DASHSCOPE_BASE_URL", "BAILIAN_TIMEOUT_S",
    "BAILIAN_STATE_URL", "BAILIAN_MAX_COST_PER_CALL", "BAILIAN_MAX_COST_PER_SESSION", "BAILIAN_MAX_COST_PER_DAY",
    "BAILIAN_MAX_CONNECTIONS",
)  # fmt: skip
ToolGroup = Literal["documents", "media", "meaning", "bulk"]
NEEDED_TO_LISTEN = ("BAILIAN_HTTP_TOKEN", "BAILIAN_HTTP_TOKENS", "BAILIAN_ALLOWED_HOSTS")
# What stands in for what cannot be read, where the default would allow more; who needs any other asks `mend` first
CLOSED = {
    "BAILIAN_ALLOWED_DIRS": (), "BAILIAN_UPLOADS": False, "BAILIAN_REPLAY": False, "BAILIAN_SECOND_READER": False,
}  # fmt: skip
MAX_TROUBLE_CHARS = 400
OUTPUT_FOLDER = "bailian-output"
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
CapInCny = Annotated[Decimal, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]
ANY_KEY = r"\bsk-[a-z0-9_-]{6,}"


class BadSettings(Exception):
    """The environment holds something with which starting would be unsafe; the text says what to change."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True)

    _models: dict[str, str] = PrivateAttr(default_factory=lambda: _models_of_tools())
    _troubles: dict[str, str] = PrivateAttr(default_factory=dict)  # variable -> what is wrong with it, in a sentence

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
    http_tokens: Annotated[dict[str, SecretStr], NoDecode] = Field(
        {},
        validation_alias="BAILIAN_HTTP_TOKENS",
        description="The same, one for each client: `name:token,...`. Jobs of one are not seen by another.",
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
        "Default on stdio: the working directory, unless that is or holds your home folder; on HTTP: none.",
    )
    output_dir: Path | None = Field(
        None,
        validation_alias="BAILIAN_OUTPUT_DIR",
        description="The folder where tools may write new files, and overwrite none. "
        "Default on stdio: `bailian-output` in the working directory, unless that is or holds your home folder; "
        "on HTTP: none.",
    )
    catalog_file: Path | None = Field(
        None,
        validation_alias="BAILIAN_CATALOG",
        description="A JSON file of your own models and prices, laid over the built-in catalog.",
    )
    timeout_s: Seconds = Field(
        300,
        validation_alias="BAILIAN_TIMEOUT_S",
        description="Seconds a request to DashScope may take. A stream that is silent for 60 s ends earlier.",
    )
    soft_timeout_s: Seconds | None = Field(
        None,
        validation_alias="BAILIAN_SOFT_TIMEOUT_S",
        description="Seconds after which a call answers with what there is and a `job` id, and goes on. Default: "
        "45 for hosts that give up at about 60, longer for those that wait longer (docs/hosts.md).",
    )
    max_connections: int | None = Field(
        None,
        validation_alias="BAILIAN_MAX_CONNECTIONS",
        ge=1,
        le=1024,
        description="How many requests to DashScope may be under way at once; more wait. "
        "Default: 64 on stdio, 256 over HTTP.",
    )
    tools: Annotated[tuple[ToolGroup, ...], NoDecode] = Field(
        (),
        validation_alias="BAILIAN_TOOLS",
        description="Groups of tools beside the core, separated by `,`: documents, media, meaning, bulk, or `all`. "
        "Each costs tokens in every conversation (docs/tools.md says how many).",
    )
    max_cost_per_call: CapInCny | None = Field(
        None,
        validation_alias="BAILIAN_MAX_COST_PER_CALL",
        description="The most that one tool call may cost, in CNY at list price. What a request could cost at worst is "
        "held before it is sent (docs/spending.md); a call above it sends nothing.",
    )
    max_cost_per_session: CapInCny | None = Field(
        None,
        validation_alias="BAILIAN_MAX_COST_PER_SESSION",
        description="The same for a session: the process over stdio, a session or a client's hour over HTTP.",
    )
    max_cost_per_day: CapInCny | None = Field(
        None,
        validation_alias="BAILIAN_MAX_COST_PER_DAY",
        description="The same for a day in Beijing, over all servers of one state folder or database.",
    )
    state_dir: Path | None = Field(
        None,
        validation_alias="BAILIAN_STATE_DIR",
        description="The folder where answers of jobs are kept for 24 hours, and vectors of documents, readable by you "
        "alone. Default: your user's state folder; in memory only where none can be written.",
    )
    state_url: SecretStr | None = Field(
        None,
        validation_alias="BAILIAN_STATE_URL",
        description="A PostgreSQL database to keep jobs, the ledger and caps in instead, shared by servers on several "
        "machines: `postgresql://user:password@host:5432/database` (docs/spending.md). Needs the extra `[postgres]`.",
    )
    replay: bool = Field(
        True,
        validation_alias="BAILIAN_REPLAY",
        description="Whether a question that is asked again is billed once: joined while it runs, or given the answer "
        "that reached nobody in the last 10 minutes.",
    )
    extract_repairs: int = Field(
        1,
        validation_alias="BAILIAN_EXTRACT_REPAIRS",
        ge=0,
        le=5,
        description="How often `extract` sends an answer back that does not fit the schema; each time is billed.",
    )
    second_reader: bool = Field(
        True,
        validation_alias="BAILIAN_SECOND_READER",
        description="Whether pages that `ocr` and `extract` look at are read on this machine too, and both compared. "
        "Needs the extra `[local]`.",
    )
    second_reader_wait_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = Field(
        5,
        validation_alias="BAILIAN_SECOND_READER_WAIT_S",
        description="Seconds that an answer may wait for the second reader.",
    )
    uploads: bool = Field(
        True,
        validation_alias="BAILIAN_UPLOADS",
        description="Whether a file that does not fit into a request (7.5 MB) may go into DashScope's temporary "
        "storage, where it stays 48 hours and cannot be deleted; and a document for qwen-long into its file storage, "
        "from which it is deleted when the server ends.",
    )
    structured: bool = Field(
        False,
        validation_alias="BAILIAN_STRUCTURED",
        description="Whether results are given as data beside the text, with their schemas: for programs, since agents "
        "pay for both.",
    )
    language: Literal["auto", "en", "zh"] = Field(
        "auto",
        validation_alias="BAILIAN_LANGUAGE",
        description="The language of what the server itself says, in progress and in a result (its first line, notes, "
        "errors, prices that were looked up): en, zh, or auto: Chinese where the call's arguments hold Chinese "
        "characters, else English. What a model, a page or a file says stays as it is.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "WARNING",
        validation_alias="BAILIAN_LOG_LEVEL",
        description="What goes to stderr. Prompts and answers never do.",
    )

    @field_validator("chosen_region", mode="before")
    @classmethod
    def _region_in_any_case(cls, value: Any) -> Any:
        if not isinstance(value, str) or (name := value.strip().lower()) in REGIONS:
            return value if value is None else name
        near = near_region(name)
        *others, last = REGIONS
        raise ValueError(f"must be {', '.join(others)} or {last}{f' (did you mean {near}?)' if near else ''}")

    @field_validator("allowed_dirs", mode="before")
    @classmethod
    def _split_dirs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(Path(p).expanduser().resolve() for p in value.split(os.pathsep) if p)
        except (OSError, RuntimeError):
            raise ValueError("names a folder that leads nowhere, or the home of a user that does not exist") from None

    @field_validator("output_dir", mode="before")
    @classmethod
    def _resolved(cls, value: Any) -> Any:
        try:
            return Path(value).expanduser().resolve() if isinstance(value, str) else value
        except (OSError, RuntimeError):
            raise ValueError("names a folder that leads nowhere, or the home of a user that does not exist") from None

    @field_validator("tools", mode="before")
    @classmethod
    def _split_groups(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = {name.lower() for name in listed_names(value)} - {"core"}
        if not names <= {*get_args(ToolGroup), "all"}:
            raise ValueError(f"must hold names of groups ({', '.join(get_args(ToolGroup))}), or `all`")
        return tuple(group for group in get_args(ToolGroup) if group in names or "all" in names)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        names = tuple(name.lower() for name in listed_names(value)) if isinstance(value, str) else ()
        if not all(map(is_host_name, names)):
            raise ValueError("must hold host names such as mcp.example.com or 192.0.2.7, without port and path")
        return names

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("language", mode="before")
    @classmethod
    def _of_any_country(cls, value: Any) -> Any:
        """zh-CN, zh_TW, en-US."""
        return re.split("[-_]", value.strip().lower())[0] if isinstance(value, str) else value

    @field_validator("http_token", mode="after")
    @classmethod
    def _token_is_a_secret(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value().strip()) < MIN_TOKEN_CHARS:
            raise ValueError(f"must have at least {MIN_TOKEN_CHARS} characters")
        return token

    @field_validator("http_tokens", mode="before")
    @classmethod
    def _split_tokens(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition(":")[::2] for pair in listed_names(value)]
        names, tokens = [name.strip() for name, _ in pairs], [token.strip() for _, token in pairs]
        if not all(map(TOKEN_NAME.fullmatch, names)) or not all(tokens) or len(set(names)) < len(names):
            raise ValueError("must read name:token,name:token, each name once, of letters, digits, '.', '_' and '-'")
        if len(set(tokens)) < len(tokens):
            raise ValueError("must give each name a token of its own")
        for token in map(SecretStr, tokens):
            cls._token_is_a_secret(cls._token_fits_a_header(token) or token)
        return dict(zip(names, tokens, strict=True))

    @field_validator("api_key", mode="after")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        text = _for_a_header(key, "holds spaces, quotes or characters that no key has; copy it again")
        if text.startswith("LTAI"):  # https://help.aliyun.com/zh/ram/user-guide/create-an-accesskey-pair
            raise ValueError("is the id of an AccessKey of the cloud account; Model Studio takes an API key (sk-...)")
        return SecretStr(text) if text else None

    @field_validator("http_token", mode="after")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        text = _for_a_header(token, "must be of ASCII characters without spaces and quotes")
        return SecretStr(text) if text else None

    @field_validator("api_key", mode="after")
    @classmethod
    def _placeholder_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        return key if key and key.get_secret_value().strip("sk-.") else None  # "sk-..." of a pasted block

    @field_validator("state_url", mode="after")
    @classmethod
    def _leads_to_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        """So strict, that no driver could take a part of the password for a host, and say it."""
        text = url.get_secret_value().strip() if url else ""
        if text and not STATE_URL.fullmatch(text):
            raise ValueError(
                "must read postgresql://user:password@host:5432/database, with :/?#[]@% in the password as %XX"
            )
        return SecretStr(text) if text else None

    @property
    def host(self) -> Host:
        """The service the key is for; no service, where a setting that a request needs cannot be read."""
        if trouble := self.mend(*NEEDED_TO_ASK):
            return Host("dashscope", self._region, "", trouble=trouble)
        return host(self.base_url, self.chosen_region, self.workspace_id)

    @property
    def _region(self) -> str:
        """Where no service can be told: the region all the same, if it is not what cannot be read."""
        if "DASHSCOPE_REGION" in self._troubles:
            return ""
        if self.chosen_region or "DASHSCOPE_BASE_URL" in self._troubles:
            return self.chosen_region or ""
        return region_of(self.base_url) or DEFAULT_REGION

    def mend(self, *variables: str) -> str:
        """What to do about those of these variables that cannot be read; empty where all can."""
        said = [self._troubles[name] for name in variables if name in self._troubles]
        return " ".join([*said, "Correct this in the server's environment and restart the server."]) if said else ""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Of each variable that cannot be read a sentence. What depends on it does not work."""
        return tuple(self._troubles.values())

    def note(self, troubles: Iterable[str]) -> None:
        """Keep sentences, each beginning with its variable's name. They may quote a URL, but never a secret."""
        for trouble in troubles:
            said = clip(self.redact(trouble), MAX_TROUBLE_CHARS)
            self._troubles.setdefault(said.partition(" ")[0], said)

    @property
    def models(self) -> dict[str, str]:
        """Tool -> the model chosen for it by BAILIAN_<TOOL>_MODEL."""
        return self._models

    @property
    def tokens(self) -> dict[str, str]:
        """Secret -> the name of the client that has it; empty for the one without a name."""
        unnamed = {self.http_token.get_secret_value(): ""} if self.http_token else {}
        return {**unnamed, **{token.get_secret_value(): name for name, token in self.http_tokens.items()}}

    @property
    def state_folder(self) -> Path | None:
        """Where what outlives the process is kept; None: nobody has a home here."""
        try:
            return self.state_dir.expanduser() if self.state_dir else platformdirs.user_state_path("bailian-mcp", False)
        except RuntimeError:
            return None

    def require_safe_bind(self, address: str) -> None:
        """Raises BadSettings unless strangers are kept out when listening on `address`."""
        if unreadable := self.mend(*NEEDED_TO_LISTEN):
            raise BadSettings(unreadable)
        missing = [] if self.tokens else [f"BAILIAN_HTTP_TOKEN (a secret of at least {MIN_TOKEN_CHARS} characters)"]
        missing += [] if self.allowed_hosts else ["BAILIAN_ALLOWED_HOSTS (the host names clients use)"]
        if missing and not is_loopback(address):
            raise BadSettings(
                f"{address} can be reached from other machines: set {' and '.join(missing)}, or listen on 127.0.0.1."
            )

    def folders(self, *, remote: bool = False) -> tuple[Path, ...]:
        """The folders whose files may be sent, resolved. `remote`: the callers are not the person at this desk."""
        if self.allowed_dirs is not None:
            return self.allowed_dirs
        here = None if remote else _working_folder()
        return (here,) if here else ()

    def output_folder(self, *, remote: bool = False) -> Path | None:
        """Where new files may be written, resolved."""
        if self.output_dir or "BAILIAN_OUTPUT_DIR" in self._troubles:
            return self.output_dir
        here = None if remote else _working_folder()
        return here / OUTPUT_FOLDER if here else None

    def redact(self, text: str) -> str:
        """`text` without the key, tokens and passwords, however written, and without what else looks like a key."""
        key = [self.api_key.get_secret_value()] if self.api_key else []
        return _any_of((*key, *self.tokens, *self._of_state_url)).sub("[key]", text)

    @property
    def _of_state_url(self) -> tuple[str, ...]:
        if self.state_url is None:
            return ()
        url = self.state_url.get_secret_value()
        parts = urlsplit(url)
        asked = [value for name, value in parse_qsl(parts.query) if "password" in name]
        return (url, *(word for word in (parts.password or "", unquote(parts.password or ""), *asked) if word))


def _for_a_header(secret: SecretStr | None, otherwise: str) -> str:
    """As it is sent. Raises ValueError, which says what else it must be: no header carries it."""
    text = secret.get_secret_value().strip() if secret else ""
    if not (text.isascii() and text.isprintable()) or set(text) & set(" \"'"):
        raise ValueError(otherwise)
    return text


def _working_folder() -> Path | None:
    """Where the server was started; None: it is / or all of home, or there is none."""
    try:
        here, home = Path.cwd().resolve(), Path.home().resolve()
    except (OSError, RuntimeError):  # a folder that was deleted, a user without a home
        return None
    return None if home.is_relative_to(here) else here


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

    Hosts hide stderr, so what cannot be read stops no start. It never becomes its default either: `Settings.mend` tells
    of it whoever needs it.

    Raises:
        BadSettings: what is asked for cannot be kept safe. The text names the variable and never repeats its value.
    """
    settings = _readable(overrides)
    settings.note(_contradictions(settings))
    settings.note(_caps_of_no_setting())
    return settings


def _readable(overrides: dict[str, Any]) -> Settings:
    """What can be read, and a note of what cannot."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        details = error.errors()
    defaults = {str(field.validation_alias): field.default for field in Settings.model_fields.values()}
    stand_ins = {str(each["loc"][0]): {**defaults, **CLOSED}[str(each["loc"][0])] for each in details}
    settings = Settings(**{**overrides, **stand_ins})
    settings.note(f"{complaint({**each, 'loc': each['loc'][:1]})}." for each in details)
    return settings


def _contradictions(settings: Settings) -> list[str]:
    """What leads to no service together; of a variable that cannot be read, too, where `note` keeps what came first."""
    try:
        at = host(settings.base_url, settings.chosen_region, settings.workspace_id)
    except ValueError as error:
        return [f"{error}."]
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    return [PLAN_KEY_ELSEWHERE] if key.startswith(PLAN_KEY) and at.kind == "dashscope" and at.known else []


def _caps_of_no_setting() -> list[str]:
    """A cap that is spelt wrong would be none: somebody relies on it."""
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    strange = sorted(name for name in os.environ if name.startswith("BAILIAN_MAX_COST") and name not in known)
    return [
        f"BAILIAN_MAX_COST_PER_DAY (or _PER_SESSION, _PER_CALL) is a cap; {name} is no setting, and caps nothing."
        for name in strange[:1]
    ]


def child_environment() -> dict[str, str]:
    """The environment for a process of ours that needs no key."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DASHSCOPE_", "BAILIAN_"))}


def warnings_for_environment(tools: Collection[str]) -> list[str]:
    """What in the environment looks like a mistake but stops nothing: names of no setting or tool, missing folders."""
    known = {name for name, _ in settings_table()}
    spelt = {name.replace("_", "") for name in known}  # other programs have names of DashScope's that are none of ours
    strange = [name for name in sorted(os.environ) if name not in known]
    ours = [name for name in strange if name.startswith("BAILIAN_") or name.replace("_", "") in spelt]
    tool_of = {name: match["tool"].lower() for name in ours if (match := TOOL_MODEL.fullmatch(name))}
    folders = [folder for folder in os.environ.get("BAILIAN_ALLOWED_DIRS", "").split(os.pathsep) if folder]
    missing = [folder for folder in folders if not os.path.isdir(os.path.expanduser(folder))]
    return [
        *(f"{name} is not a setting." for name in ours if name not in tool_of),
        *(
            f"{name}: no tool is called {tool}; tools: {', '.join(tools)}."
            for name, tool in tool_of.items()
            if tool not in tools
        ),
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
