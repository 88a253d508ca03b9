"""The environment: what it may hold, where it leads, and that the key stays in."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from bailian_mcp.server.settings import BadSettings, Settings, read_settings, settings_table, warnings_for_environment
from conftest import KEY
from sources import FILES, tree_of


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_settings()


@pytest.mark.parametrize(
    ("environment", "host", "region"),
    [
        ({}, "https://dashscope.aliyuncs.com", "cn-beijing"),
        ({"DASHSCOPE_REGION": "ap-southeast-1"}, "https://dashscope-intl.aliyuncs.com", "ap-southeast-1"),
        ({"DASHSCOPE_WORKSPACE_ID": "llm-1", "DASHSCOPE_REGION": "eu-central-1"},
         "https://llm-1.eu-central-1.maas.aliyuncs.com", "eu-central-1"),
        ({"DASHSCOPE_BASE_URL": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/"},
         "https://dashscope-intl.aliyuncs.com", "ap-southeast-1"),
        ({"DASHSCOPE_BASE_URL": "https://ws-9.eu-central-1.maas.aliyuncs.com/api/v1"},
         "https://ws-9.eu-central-1.maas.aliyuncs.com", "eu-central-1"),
        ({"DASHSCOPE_BASE_URL": " http://127.0.0.1:8787/compatible-mode/v1/chat/completions "},
         "http://127.0.0.1:8787", "cn-beijing"),
        ({"DASHSCOPE_BASE_URL": "http://[::1]:1", "DASHSCOPE_REGION": "us-east-1"}, "http://[::1]:1", "us-east-1"),
        ({"DASHSCOPE_BASE_URL": "http://localhost:1"}, "http://localhost:1", "cn-beijing"),
        ({"DASHSCOPE_REGION": "", "DASHSCOPE_BASE_URL": ""}, "https://dashscope.aliyuncs.com", "cn-beijing"),
    ],
)  # fmt: skip
def test_the_host_and_the_region_whose_prices_apply(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], host: str, region: str
) -> None:
    got = settings(monkeypatch, **environment)

    assert (got.host.native.removesuffix("/api/v1"), got.host.region) == (host, region)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DASHSCOPE_REGION": "mars"}, "DASHSCOPE_REGION must be cn-beijing, ap-southeast-1, us-east-1, cn-hongkong, eu-central-1 or ap-northeast-1."),
        ({"DASHSCOPE_REGION": "beijing"}, "or ap-northeast-1 (did you mean cn-beijing?)."),
        ({"DASHSCOPE_REGION": "Singapore "}, "(did you mean ap-southeast-1?)."),
        ({"DASHSCOPE_REGION": "Hong Kong"}, "(did you mean cn-hongkong?)."),
        ({"DASHSCOPE_REGION": "东京"}, "(did you mean ap-northeast-1?)."),
        ({"DASHSCOPE_REGION": "cn_bejing"}, "(did you mean cn-beijing?)."),
        ({"DASHSCOPE_REGION": "sk-planted-0123456789"}, "DASHSCOPE_REGION must be cn-beijing"),
        ({"DASHSCOPE_REGION": "eu-central-1"}, "DASHSCOPE_WORKSPACE_ID must be set: the region eu-central-1 has no shared host."),
        ({"DASHSCOPE_BASE_URL": "https://dashscope-intl.aliyuncs.com", "DASHSCOPE_REGION": "cn-beijing"},
         "DASHSCOPE_REGION says cn-beijing, but DASHSCOPE_BASE_URL is a host of ap-southeast-1: unset one."),
        ({"DASHSCOPE_BASE_URL": "https://ws-1.cn-beijing.maas.aliyuncs.com", "DASHSCOPE_WORKSPACE_ID": "ws-2"},
         "DASHSCOPE_WORKSPACE_ID and DASHSCOPE_BASE_URL name different workspaces"),
        ({"DASHSCOPE_BASE_URL": "http://dashscope.aliyuncs.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "http://127.0.0.1.evil.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "dashscope.aliyuncs.com"}, "DASHSCOPE_BASE_URL must be a URL such as"),
        ({"DASHSCOPE_BASE_URL": "https://u:sk-planted-0123456789@host"}, "must hold no user name"),
        ({"DASHSCOPE_BASE_URL": "\udcff"}, "DASHSCOPE_BASE_URL must be a URL such as"),
        ({"DASHSCOPE_BASE_URL": "https://dashscope.aliyuncs.com/sk-planted-0123456789"}, "has a path that dashscope.aliyuncs.com has not"),
        ({"DASHSCOPE_WORKSPACE_ID": "a/../b"}, "DASHSCOPE_WORKSPACE_ID holds characters that it cannot have"),
        ({"DASHSCOPE_WORKSPACE_ID": "a b"}, "DASHSCOPE_WORKSPACE_ID holds characters that it cannot have"),
        ({"DASHSCOPE_WORKSPACE_ID": "token-plan"}, "DASHSCOPE_WORKSPACE_ID names a plan"),
        ({"DASHSCOPE_API_KEY": "sk-planted-0123456789 x"}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"DASHSCOPE_API_KEY": "sk-钥匙"}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"DASHSCOPE_API_KEY": '"sk-planted-0123456789"'}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"DASHSCOPE_API_KEY": "sk-sp-0123456789"}, "DASHSCOPE_API_KEY is a key of a Coding or Token Plan: set DASHSCOPE_BASE_URL"),
        ({"BAILIAN_TIMEOUT_S": "soon"}, "BAILIAN_TIMEOUT_S must be a number"),
        ({"BAILIAN_TIMEOUT_S": "0"}, "BAILIAN_TIMEOUT_S must be greater than 0"),
        ({"BAILIAN_TIMEOUT_S": "nan"}, "BAILIAN_TIMEOUT_S must be a number"),
    ],
)  # fmt: skip
def test_what_every_request_needs_and_cannot_be_read_leads_nowhere_and_is_never_repeated(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    got = settings(monkeypatch, **environment)

    assert says in got.troubles[0]
    assert got.host.trouble == f"{got.troubles[0]} Correct this in the server's environment and restart the server."
    assert (got.host.compatible, got.host.native, got.host.uploads) == ("", "", "")
    assert KEY not in str(got.troubles)
    assert len(got.troubles) == 1


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"DASHSCOPE_API_KEY": "a b"}, "cn-beijing"),
        ({"DASHSCOPE_API_KEY": "a b", "DASHSCOPE_BASE_URL": "https://dashscope-us.aliyuncs.com"}, "us-east-1"),
        ({"DASHSCOPE_WORKSPACE_ID": "a b", "DASHSCOPE_REGION": "eu-central-1"}, "eu-central-1"),
        ({"DASHSCOPE_REGION": "eu-central-1"}, "eu-central-1"),
        ({"DASHSCOPE_REGION": "mars"}, ""),
        ({"DASHSCOPE_REGION": "mars", "DASHSCOPE_BASE_URL": "https://dashscope-us.aliyuncs.com"}, ""),
        ({"DASHSCOPE_REGION": "cn-beijing", "DASHSCOPE_BASE_URL": "https://dashscope-us.aliyuncs.com"}, ""),
        ({"DASHSCOPE_BASE_URL": "oops"}, ""),
        ({"DASHSCOPE_BASE_URL": "\udcff"}, ""),
        ({"DASHSCOPE_BASE_URL": "https://[oops"}, ""),
        ({"DASHSCOPE_BASE_URL": "https://[oops", "DASHSCOPE_WORKSPACE_ID": "a b"}, ""),
        ({"DASHSCOPE_BASE_URL": "https://dashscope-us.aliyuncs.com", "DASHSCOPE_WORKSPACE_ID": "a b"}, "us-east-1"),
        ({"DASHSCOPE_BASE_URL": "oops", "DASHSCOPE_REGION": "us-east-1"}, "us-east-1"),
        ({"BAILIAN_TIMEOUT_S": "soon"}, "cn-beijing"),
    ],
)  # fmt: skip
def test_the_region_is_known_only_where_it_is_not_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], region: str
) -> None:
    assert settings(monkeypatch, **environment).host.region == region


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"BAILIAN_SOFT_TIMEOUT_S": "inf"}, "BAILIAN_SOFT_TIMEOUT_S must be a number."),
        ({"BAILIAN_EXTRACT_REPAIRS": "many"}, "BAILIAN_EXTRACT_REPAIRS must be a whole number."),
        ({"BAILIAN_UPLOADS": "maybe"}, "BAILIAN_UPLOADS must be true or false."),
        ({"BAILIAN_LOG_LEVEL": "loud"}, "BAILIAN_LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'."),
        ({"BAILIAN_ALLOWED_DIRS": "~nobody-of-that-name/x"}, "BAILIAN_ALLOWED_DIRS names a folder that leads nowhere"),
        ({"BAILIAN_OUTPUT_DIR": "~nobody-of-that-name/x"}, "BAILIAN_OUTPUT_DIR names a folder that leads nowhere"),
        ({"BAILIAN_HTTP_TOKEN": "a b c d e f g h i"}, "BAILIAN_HTTP_TOKEN must be of ASCII characters without spaces"),
    ],
)  # fmt: skip
def test_what_only_some_calls_need_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    got = settings(monkeypatch, **environment)

    assert got.troubles[0].startswith(says)
    assert got.mend(*environment).endswith("Correct this in the server's environment and restart the server.")
    assert got.host.trouble == ""
    assert (got.uploads, got.folders()) == (
        "BAILIAN_UPLOADS" not in environment,
        () if "BAILIAN_ALLOWED_DIRS" in environment else (Path.cwd(),),
    )


def test_new_files_go_into_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_settings().output_folder() == tmp_path / "bailian-output"
    assert read_settings().output_folder(remote=True) is None
    assert settings(monkeypatch, BAILIAN_OUTPUT_DIR="out").output_folder(remote=True) == tmp_path / "out"
    assert settings(monkeypatch, BAILIAN_OUTPUT_DIR="~nobody-of-that-name/x").output_folder() is None


@pytest.mark.parametrize("place", ["/", "home"])
def test_nothing_is_written_into_a_home_that_nobody_granted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path if place == "home" else place)

    assert read_settings().output_folder() is None


def test_a_folder_that_is_a_circle_of_links_opens_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    got = settings(monkeypatch, BAILIAN_ALLOWED_DIRS=f"{tmp_path}:{tmp_path / 'a'}")

    assert got.folders() in ((), (tmp_path, tmp_path / "a"))  # newer Pythons resolve it to itself
    assert got.folders() or got.troubles


def test_everything_that_cannot_be_read_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (
        "DASHSCOPE_API_KEY",
        "DASHSCOPE_REGION",
        "DASHSCOPE_WORKSPACE_ID",
        "BAILIAN_UPLOADS",
        "DASHSCOPE_BASE_URL",
    )
    got = settings(monkeypatch, **dict.fromkeys(broken, "a b"))

    assert [each.split()[0] for each in got.troubles] == list(broken)
    assert got.host.trouble.startswith("DASHSCOPE_API_KEY holds")
    assert "DASHSCOPE_REGION must be" in got.host.trouble
    assert got.host.trouble.count("Correct this") == 1


@pytest.mark.parametrize("value", ["five", "-1", "NaN", "Infinity", "5 CNY"])
def test_a_spending_cap_that_cannot_be_read_stops_every_request(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    got = settings(monkeypatch, BAILIAN_MAX_COST_PER_DAY=value)

    assert got.host.trouble.startswith("BAILIAN_MAX_COST_PER_DAY must be")
    assert settings(monkeypatch, BAILIAN_MAX_COST_PER_DAY="0.5").max_cost_per_day == Decimal("0.5")


DATABASE = "postgresql://me:p%40ss%2Fword@db.example:5432/state"


@pytest.mark.parametrize(
    "url",
    [
        DATABASE,
        "postgres://db",
        "postgresql:///state?host=/var/run/postgresql",
        "postgresql://me@[::1]:5432,b.example/state?sslmode=verify-full&application_name=a",
        f" {DATABASE}\n",
    ],
)
def test_the_state_may_be_on_a_server(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    got = settings(monkeypatch, BAILIAN_STATE_URL=url)

    assert got.troubles == ()
    assert got.state_url
    assert got.state_url.get_secret_value() == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        "db.example",
        "mysql://db/state",
        "postgresql://me:p@ss@db/state",  # a driver would take a part of the password for the host, and say it
        "postgresql://me:pa/ss@db/state",
        "postgresql://me:pa#ss@db/state",
        "postgresql://me:pa?ss@db/state",
        "postgresql://me:pa:ss@db/state",
        "postgresql://me:pa%ss@db/state",
        "postgresql://me:pa%00ss@db/state",
        "postgresql://me:pa ss@db/state",
    ],
)
def test_a_server_whose_url_cannot_be_read_stops_every_request(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Another place would hold no cap."""
    got = settings(monkeypatch, BAILIAN_STATE_URL=url)

    assert got.host.trouble.startswith("BAILIAN_STATE_URL must read postgresql://user:password@host")
    assert url not in got.host.trouble
    assert got.state_url is None


def test_the_password_of_the_state_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    got = settings(monkeypatch, BAILIAN_STATE_URL=f"{DATABASE}?sslpassword=anothersecret")

    assert "word" not in repr(got)
    assert got.redact(f"a {DATABASE} b p@ss/word c p%40ss%2Fword d anothersecret") == (
        "a postgresql://me:[key]@db.example:5432/state b [key] c [key] d [key]"
    )
    assert settings(monkeypatch, BAILIAN_STATE_URL="postgresql://db").redact("at db") == "at db"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"BAILIAN_HTTP_TOKEN": "short"}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_HTTP_TOKEN": " " * 16}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_HTTP_TOKEN": "x" + " " * 15}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_HTTP_TOKEN": "'sk-planted-0123456789'"}, "BAILIAN_HTTP_TOKEN must be of ASCII characters without spaces"),
        ({"BAILIAN_ALLOWED_HOSTS": "a.example,*"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
        ({"BAILIAN_ALLOWED_HOSTS": "192.0.2.7:8000"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
        ({"BAILIAN_ALLOWED_HOSTS": "https://a.example"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_no_door_is_opened_whose_lock_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str, address: str
) -> None:
    got = settings(monkeypatch, **environment)
    with pytest.raises(BadSettings) as caught:
        got.require_safe_bind(address)

    assert says in str(caught.value)
    assert KEY not in str(caught.value)
    assert got.http_token is None
    assert got.host.trouble == ""


@pytest.mark.parametrize("region", ["CN-Beijing", " cn-beijing\n"])
def test_a_region_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    assert settings(monkeypatch, DASHSCOPE_REGION=region).chosen_region == "cn-beijing"


def test_log_levels_may_be_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, BAILIAN_LOG_LEVEL="debug").log_level == "DEBUG"


def test_the_allowed_folders_default_to_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_settings().folders() == (tmp_path.resolve(),)


def test_the_root_and_the_home_folder_are_no_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read_settings().folders() == ()
    monkeypatch.chdir("/")
    assert read_settings().folders() == ()


def test_allowed_folders_are_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", f"{tmp_path / 'link'}:{tmp_path}:")

    assert read_settings().folders() == ((tmp_path / "real").resolve(), tmp_path.resolve())


def test_the_key_shows_nowhere_and_is_redacted_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = "token/+%quoted\\"
    monkeypatch.setenv("DASHSCOPE_API_KEY", f" {odd}\n")
    got = read_settings()

    assert odd not in repr(got)
    assert got.api_key is not None
    assert got.api_key.get_secret_value() == odd
    assert got.redact(f"a {odd} b token%2F%2B%25quoted%5C c {odd!r} {KEY}") == "a [key] b [key] c '[key]' [key]"


def test_the_placeholder_of_a_pasted_block_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-...")

    assert read_settings().api_key is None


def test_a_token_of_placeholder_letters_is_still_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILIAN_HTTP_TOKEN", "sk-sk-sk-sk-sk-sk")

    assert read_settings().http_token is not None


def test_a_key_too_short_to_be_one_does_not_eat_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "x")

    assert read_settings().redact("an example") == "an example"


def test_a_plan_key_at_the_plans_url_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-sp-0123456789")
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://coding.dashscope.aliyuncs.com/v1")

    assert read_settings().host.kind == "plan"


def test_each_tool_may_have_a_model_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILIAN_CHAT_MODEL", " qwen-plus ")
    monkeypatch.setenv("BAILIAN_WEB_SEARCH_MODEL", "qwen3.7-plus")
    monkeypatch.setenv("BAILIAN_OCR_MODEL", "")

    assert read_settings().models == {"chat": "qwen-plus", "web_search": "qwen3.7-plus"}


def test_what_looks_like_a_mistake_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BAILIAN_TIMOUT_S", "3")
    monkeypatch.setenv("BAILIAN_CHAT_MODEL", "qwen-plus")
    monkeypatch.setenv("BAILIAN_CAHT_MODEL", "qwen-plus")
    monkeypatch.setenv("DASHSCOPE_APIKEY", "sk-x")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://x")  # DashScope's own SDK reads it
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", f"{tmp_path}:{tmp_path}/none")

    assert warnings_for_environment(["chat", "ocr"]) == [
        "BAILIAN_TIMOUT_S is not a setting.",
        "DASHSCOPE_APIKEY is not a setting.",
        "BAILIAN_CAHT_MODEL: no tool is called caht; tools: chat, ocr.",
        f"BAILIAN_ALLOWED_DIRS: {tmp_path}/none is not a folder.",
    ]


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        ("", ()),
        ("core", ()),
        (" Media ,documents", ("documents", "media")),
        ("media，documents、bulk", ("documents", "media", "bulk")),
        ("all", ("documents", "media", "meaning", "bulk")),
        ("core,documents,media,meaning,bulk", ("documents", "media", "meaning", "bulk")),
    ],
)
def test_groups_of_tools_are_named_in_any_order(
    monkeypatch: pytest.MonkeyPatch, said: str, groups: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BAILIAN_TOOLS", said)

    assert read_settings().tools == groups


@pytest.mark.parametrize(("said", "language"), [("zh-CN", "zh"), ("ZH_Hans", "zh"), ("en-US", "en"), ("Auto", "auto")])
def test_a_language_may_name_its_country(monkeypatch: pytest.MonkeyPatch, said: str, language: str) -> None:
    monkeypatch.setenv("BAILIAN_LANGUAGE", said)

    assert (read_settings().language, read_settings().troubles) == (language, ())


def test_the_id_of_an_access_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "LTAI5t0123456789")

    assert "DASHSCOPE_API_KEY is the id of an AccessKey of the cloud account" in read_settings().host.trouble
    assert "LTAI5t" not in read_settings().host.trouble


def test_a_group_that_does_not_exist_leaves_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILIAN_TOOLS", "core,docments")
    settings = read_settings()

    assert settings.tools == ()
    assert settings.troubles == (
        "BAILIAN_TOOLS must hold names of groups (documents, media, meaning, bulk), or `all`.",
    )


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.2", "::", "example.com"])
def test_off_loopback_a_token_and_host_names_are_needed(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(
        BadSettings, match=r"set BAILIAN_HTTP_TOKEN \(a secret of at least 16 characters\) and BAILIAN_ALLOWED_HOSTS"
    ):
        read_settings().require_safe_bind(address)
    monkeypatch.setenv("BAILIAN_HTTP_TOKEN", "0123456789abcdef")
    with pytest.raises(BadSettings, match="set BAILIAN_ALLOWED_HOSTS"):
        read_settings().require_safe_bind(address)
    monkeypatch.setenv("BAILIAN_ALLOWED_HOSTS", "mcp.example.com, 192.168.1.2,")

    read_settings().require_safe_bind(address)
    assert read_settings().allowed_hosts == ("mcp.example.com", "192.168.1.2")
    assert read_settings().redact("with 0123456789abcdef") == "with [key]"


def test_on_loopback_nothing_is_needed() -> None:
    read_settings().require_safe_bind("127.0.0.1")


def test_remote_callers_get_no_folder_by_default() -> None:
    assert read_settings().folders(remote=True) == ()


def test_every_variable_is_described() -> None:
    assert all(meaning for _, meaning in settings_table())


@pytest.mark.parametrize(
    "name", ["BASE_URL", "API_KEY", "base_url", "api_key", "LOG_LEVEL", "dashscope_base_url", "TIMEOUT_S"]
)
def test_variables_of_other_programs_are_not_ours(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "https://evil.example")

    assert read_settings().api_key is None
    assert (read_settings().host.compatible, read_settings().timeout_s, read_settings().log_level) == (
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        300,
        "WARNING",
    )


def test_a_deleted_working_directory_allows_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert read_settings().folders() == ()
    monkeypatch.chdir("/")


def test_a_folder_above_the_home_folder_is_no_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.chdir(tmp_path)

    assert read_settings().folders() == ()


@pytest.mark.parametrize("spelled", [KEY.upper(), '{"\\/":"sk-a\\/b+c=12345"}', "c2stcGxhbnRlZC0wMTIzNDU2Nzg5"])
def test_other_spellings_of_a_key_are_found(monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-a/b+c=12345" if "\\/" in spelled else KEY)

    assert "[key]" in read_settings().redact(f"<{spelled}>")


def test_each_setting_is_handed_to_somebody() -> None:
    read = {node.attr for file in FILES for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)}

    assert set(Settings.model_fields) - read == set()
