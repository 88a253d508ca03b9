"""The environment: what it may hold, where it leads, and that the key stays in."""

import ast
import inspect
from pathlib import Path

import pytest
from bailian_mcp.server.settings import BadSettings, Settings, read_settings, settings_table, warnings_for_environment
from conftest import KEY


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> object:
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

    assert (got.host.native.removesuffix("/api/v1"), got.host.region) == (host, region)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DASHSCOPE_REGION": "mars"}, "DASHSCOPE_REGION must be 'cn-beijing', 'ap-southeast-1'"),
        ({"DASHSCOPE_REGION": "eu-central-1"}, "DASHSCOPE_REGION: eu-central-1 has no shared host, so set DASHSCOPE_WORKSPACE_ID"),
        ({"DASHSCOPE_BASE_URL": "https://dashscope-intl.aliyuncs.com", "DASHSCOPE_REGION": "cn-beijing"},
         "DASHSCOPE_BASE_URL is a host of ap-southeast-1, but DASHSCOPE_REGION says cn-beijing"),
        ({"DASHSCOPE_BASE_URL": "http://dashscope.aliyuncs.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "http://127.0.0.1.evil.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "dashscope.aliyuncs.com"}, "must be a URL such as"),
        ({"DASHSCOPE_BASE_URL": "https://u:p@host"}, "must hold no user name"),
        ({"DASHSCOPE_WORKSPACE_ID": "a/../b"}, "DASHSCOPE_WORKSPACE_ID"),
        ({"BAILIAN_TIMEOUT_S": "soon"}, "BAILIAN_TIMEOUT_S must be a number"),
        ({"BAILIAN_TIMEOUT_S": "0"}, "BAILIAN_TIMEOUT_S must be greater than 0"),
        ({"BAILIAN_LOG_LEVEL": "loud"}, "BAILIAN_LOG_LEVEL must be 'DEBUG'"),
        ({"DASHSCOPE_API_KEY": "sk-two words"}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"DASHSCOPE_API_KEY": "sk-钥匙"}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"BAILIAN_TIMEOUT_S": "nan"}, "BAILIAN_TIMEOUT_S must be a number"),
        ({"DASHSCOPE_API_KEY": '"sk-abc"'}, "DASHSCOPE_API_KEY holds spaces, quotes or characters that no key has"),
        ({"DASHSCOPE_API_KEY": "sk-sp-0123456789"}, "a key of a Coding or Token Plan: set DASHSCOPE_BASE_URL"),
        ({"BAILIAN_HTTP_TOKEN": "short"}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_HTTP_TOKEN": " " * 16}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_HTTP_TOKEN": "x" + " " * 15}, "BAILIAN_HTTP_TOKEN must have at least 16 characters"),
        ({"BAILIAN_ALLOWED_HOSTS": "a.example,*"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
        ({"BAILIAN_ALLOWED_HOSTS": "192.0.2.7:8000"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
        ({"BAILIAN_ALLOWED_HOSTS": "https://a.example"}, "BAILIAN_ALLOWED_HOSTS must hold host names such as"),
        ({"DASHSCOPE_WORKSPACE_ID": "a b"}, "DASHSCOPE_WORKSPACE_ID holds characters that it cannot have"),
        ({"DASHSCOPE_BASE_URL": "https://dashscope.aliyuncs.com/typo"}, "has no path /typo"),
        ({"BAILIAN_MAX_COST_PER_DAY": "5"}, "BAILIAN_MAX_COST_PER_DAY is set, but this version cannot hold"),
    ],
)  # fmt: skip
def test_what_the_server_must_not_start_with_is_named_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        settings(monkeypatch, **environment)

    assert says in str(caught.value)
    assert "two words" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_log_levels_may_be_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, BAILIAN_LOG_LEVEL="debug").log_level == "DEBUG"  # type: ignore[attr-defined]


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
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", f"{tmp_path}:{tmp_path}/none")

    assert warnings_for_environment() == [
        "BAILIAN_TIMOUT_S is not a setting.",
        f"BAILIAN_ALLOWED_DIRS: {tmp_path}/none is not a folder.",
    ]


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
    server = Path(inspect.getfile(Settings)).parent
    sources = [path.read_text("utf-8") for path in server.rglob("*.py")]
    read = {node.attr for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}

    assert set(Settings.model_fields) - read == set()
