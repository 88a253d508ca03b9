"""The environment: what it may hold, where it leads, and that the key stays in."""

from pathlib import Path

import pytest
from bailian_mcp.server.settings import BadSettings, documented, read
from conftest import KEY


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> object:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read()


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
        ({"DASHSCOPE_REGION": "mars"}, "DASHSCOPE_REGION: must be 'cn-beijing', 'ap-southeast-1'"),
        ({"DASHSCOPE_REGION": "eu-central-1"}, "eu-central-1 has no shared host: set DASHSCOPE_WORKSPACE_ID too"),
        ({"DASHSCOPE_BASE_URL": "https://dashscope-intl.aliyuncs.com", "DASHSCOPE_REGION": "cn-beijing"},
         "DASHSCOPE_BASE_URL is a host of ap-southeast-1, but DASHSCOPE_REGION says cn-beijing"),
        ({"DASHSCOPE_BASE_URL": "http://dashscope.aliyuncs.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "http://127.0.0.1.evil.com"}, "plain http is for loopback only"),
        ({"DASHSCOPE_BASE_URL": "dashscope.aliyuncs.com"}, "must be a URL such as"),
        ({"DASHSCOPE_BASE_URL": "https://u:p@host"}, "must hold no user name"),
        ({"DASHSCOPE_WORKSPACE_ID": "a/../b"}, "DASHSCOPE_WORKSPACE_ID"),
        ({"BAILIAN_TIMEOUT_S": "soon"}, "BAILIAN_TIMEOUT_S: must be a valid number"),
        ({"BAILIAN_TIMEOUT_S": "0"}, "BAILIAN_TIMEOUT_S: must be greater than 0"),
        ({"BAILIAN_LOG_LEVEL": "loud"}, "BAILIAN_LOG_LEVEL: must be 'DEBUG'"),
        ({"DASHSCOPE_API_KEY": "sk-two words"}, "DASHSCOPE_API_KEY: holds spaces or characters that no key has"),
        ({"DASHSCOPE_API_KEY": "sk-钥匙"}, "DASHSCOPE_API_KEY: holds spaces or characters that no key has"),
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

    assert read().folders() == (tmp_path.resolve(),)


def test_the_root_and_the_home_folder_are_no_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read().folders() == ()
    monkeypatch.chdir("/")
    assert read().folders() == ()


def test_allowed_folders_are_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", f"{tmp_path / 'link'}:{tmp_path}:")

    assert read().folders() == ((tmp_path / "real").resolve(), tmp_path.resolve())


def test_the_key_shows_nowhere_and_is_redacted_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = 'token/+"quoted\\'
    monkeypatch.setenv("DASHSCOPE_API_KEY", f" {odd}\n")
    got = read()

    assert odd not in repr(got)
    assert got.api_key is not None
    assert got.api_key.get_secret_value() == odd
    assert got.redact(f"a {odd} b token%2F%2B%22quoted%5C c {odd!r} {KEY}") == "a [key] b [key] c '[key]' [key]"


def test_every_variable_is_described() -> None:
    assert all(name.isupper() and meaning for name, _, meaning in documented())
