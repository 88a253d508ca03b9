"""Which service a base URL leads to: DashScope itself, a plan, or some OpenAI-compatible server; and what it takes.

Pages: https://help.aliyun.com/zh/model-studio/base-url, .../regions, .../coding-plan
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from .network import is_host_name, is_loopback

Region = Literal["cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"]
DEFAULT_REGION: Region = "cn-beijing"
# Each region and its shared host, where any workspace's key of the region works; "": only workspaces' own hosts.
REGIONS: dict[Region, str] = {
    "cn-beijing": "dashscope.aliyuncs.com",
    "ap-southeast-1": "dashscope-intl.aliyuncs.com",
    "us-east-1": "dashscope-us.aliyuncs.com",
    "cn-hongkong": "cn-hongkong.dashscope.aliyuncs.com",
    "eu-central-1": "",
    "ap-northeast-1": "",
}
# What people call them instead
PLACES: dict[str, Region] = {
    "beijing": "cn-beijing", "北京": "cn-beijing", "singapore": "ap-southeast-1", "新加坡": "ap-southeast-1",
    "virginia": "us-east-1", "弗吉尼亚": "us-east-1", "hongkong": "cn-hongkong", "香港": "cn-hongkong",
    "frankfurt": "eu-central-1", "法兰克福": "eu-central-1", "tokyo": "ap-northeast-1", "东京": "ap-northeast-1",
}  # fmt: skip
# By shared host; those that are no choice of a setting, too.
REGION_OF_HOST = {host: region for region, host in REGIONS.items() if host} | {
    "dashscope-finance.aliyuncs.com": "cn-shanghai-finance-1"
}
MIB = 1024 * 1024
WORKSPACE = re.compile(r"(?P<workspace>[a-z0-9_-]+)\.(?P<region>[a-z0-9-]+)\.maas\.aliyuncs\.com", re.IGNORECASE)
# Coding Plan and Token Plan: keys of their own (sk-sp-...), the OpenAI protocol only.
CODING_PLANS = ("coding.dashscope.aliyuncs.com", "coding-intl.dashscope.aliyuncs.com")
TOKEN_PLAN = "token-plan"
COMPATIBLE, NATIVE = "/compatible-mode/v1", "/api/v1"
BATCH_CHAT_HOST = "batch.dashscope.aliyuncs.com"
SHARED_BODY_BYTES, WORKSPACE_BODY_BYTES = 16 * MIB, 64_000_000
DASHSCOPE = "DashScope"
SANDBOX_HEADER = "x-bailian-sandbox"  # what marks every reply of the sandbox

ServiceKind = Literal["dashscope", "plan", "other"]


@dataclass(frozen=True)
class Host:
    """A service and its two doors. `native` is empty where only the OpenAI protocol is offered.

    With a `trouble` (what to set, in sentences) there is no door at all, and `region` is empty where nobody knows it.
    """

    kind: ServiceKind
    region: str
    compatible: str
    native: str = ""
    uploads: str = ""  # where temporary storage is asked for; known of shared hosts only
    body_bytes: int | None = None  # the largest request it takes, where that is known
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def compatible_api(self) -> str:
        """A third door, beside the native one, where rerank has its flat form."""
        return f"{self.native.removesuffix(NATIVE)}/compatible-api/v1" if self.native else ""

    @property
    def batch_chat(self) -> str:
        """Where a single question is asked at half price: Beijing's; a sandbox plays it too. Empty elsewhere.

        https://help.aliyun.com/zh/model-studio/openai-compatible-batch-chat
        """
        if self.kind != "dashscope" or self.trouble:
            return ""
        if self.on_loopback:
            return self.compatible
        return f"https://{BATCH_CHAT_HOST}{COMPATIBLE}" if self.known and self.region == DEFAULT_REGION else ""

    @property
    def service(self) -> str:
        """What to call it in a sentence."""
        return "The server" if self.kind == "other" else DASHSCOPE

    @cached_property
    def on_loopback(self) -> bool:
        """Whether it is on this machine: only there is a sandbox."""
        return is_loopback(urlsplit(self.compatible).hostname or "")

    @property
    def known(self) -> bool:
        """Whether it is one of Alibaba's own hosts."""
        return self.body_bytes is not None


def host(base_url: str = "", region: str | None = None, workspace_id: str = "") -> Host:
    """The service behind the settings.

    Raises:
        ValueError: they contradict each other, or the key would travel in the clear; the text begins with the name of
            the setting to change, and says how.
    """
    here = region or DEFAULT_REGION
    if not base_url:
        return _dashscope(_own_root(here, workspace_id), here)
    url = _sound(base_url)
    name = (url.hostname or "").lower()
    if name in CODING_PLANS:
        return Host("plan", here, f"https://{url.netloc}/v1")
    if name.startswith(f"{TOKEN_PLAN}.") and WORKSPACE.fullmatch(name):
        return Host("plan", here, f"https://{url.netloc}{COMPATIBLE}")
    known = _region_of(name)
    if known and region and known != region:
        raise ValueError(f"DASHSCOPE_REGION says {region}, but DASHSCOPE_BASE_URL is a host of {known}: unset one")
    origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/").removesuffix("/chat/completions")
    if known:
        if path not in ("", "/v1", NATIVE, COMPATIBLE):
            raise ValueError(f"DASHSCOPE_BASE_URL has a path that {name} has not; give the host alone, https://{name}")
        return _dashscope(origin, known, workspace_id)
    prefix = path.removesuffix(COMPATIBLE)
    if prefix.endswith("/v1"):  # not DashScope's own path, which is gone from it
        return Host("other", here, origin + path)
    return _dashscope(origin + prefix, here, workspace_id)


def region_of(base_url: str) -> str:
    """The region of one of Alibaba's hosts; empty for any other."""
    return _region_of((urlsplit(base_url.strip()).hostname or "").lower()) or ""


def near_region(name: str) -> Region | None:
    """The region that somebody may have meant."""
    names: dict[str, Region] = {**PLACES, **{region: region for region in REGIONS}}
    close = get_close_matches(re.sub(r"[\s_]+", "-", name.strip().lower()), names, n=1, cutoff=0.8)
    return names[close[0]] if close else None


def _own_root(region: str, workspace_id: str) -> str:
    if workspace_id.lower() == TOKEN_PLAN:
        raise ValueError("DASHSCOPE_WORKSPACE_ID names a plan: set DASHSCOPE_BASE_URL to the plan's URL instead")
    if workspace_id:
        return f"https://{workspace_id}.{region}.maas.aliyuncs.com"
    shared = _shared_host(region)
    if not shared:
        raise ValueError(f"DASHSCOPE_WORKSPACE_ID must be set: the region {region} has no shared host")
    return f"https://{shared}"


def _dashscope(root: str, region: str, workspace_id: str = "") -> Host:
    name = urlsplit(root).hostname or ""
    workspace = WORKSPACE.fullmatch(name)
    if workspace and workspace_id and workspace["workspace"].lower() not in (workspace_id.lower(), "trial"):
        raise ValueError("DASHSCOPE_WORKSPACE_ID and DASHSCOPE_BASE_URL name different workspaces: unset one")
    body_bytes = WORKSPACE_BODY_BYTES if workspace else SHARED_BODY_BYTES if name in REGION_OF_HOST else None
    headers = {"X-DashScope-WorkSpace": workspace_id} if workspace_id and not workspace else {}
    shared = f"https://{_shared_host(region)}" if workspace and _shared_host(region) else root
    doors = (f"{root}{COMPATIBLE}", f"{root}{NATIVE}", f"{shared}{NATIVE}/uploads")
    return Host("dashscope", region, *doors, body_bytes, headers)


def _shared_host(region: str) -> str:
    return next((host for host, at in REGION_OF_HOST.items() if at == region), "")


def _region_of(name: str) -> str | None:
    """The region a known DashScope host belongs to."""
    workspace = WORKSPACE.fullmatch(name)
    return workspace["region"].lower() if workspace else REGION_OF_HOST.get(name)


def _sound(base_url: str) -> SplitResult:
    try:
        url = urlsplit(base_url.strip())
        port_is_one = url.port is None or url.port > 0
    except ValueError:
        port_is_one, url = False, urlsplit("")
    if not port_is_one or url.scheme not in ("https", "http") or not is_host_name(url.hostname or ""):
        raise ValueError("DASHSCOPE_BASE_URL must be a URL such as https://dashscope.aliyuncs.com")
    if url.query or url.fragment or url.username is not None or url.password is not None:
        raise ValueError("DASHSCOPE_BASE_URL must hold no user name, query or fragment")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError(
            "DASHSCOPE_BASE_URL must be https: plain http is for loopback only, your key would travel in the clear"
        )
    return url
