"""The instance id of a bill: whose key, which model, what of it, by which way.

`ApiKeyID;workspace;model;kind;channel;stop`, for example `12xxx;llm-xxx;qwen-max;output_token;app;0`
(https://help.aliyun.com/zh/model-studio/bill-query-and-cost-management). Older rows lack the last part or begin with
`text_token`; rows of speech were seen without a channel. Training and other products have other forms.
"""

from dataclasses import dataclass

WORKSPACE_STARTS = ("llm-", "ws-")
STOP_FLAGS = ("0", "1")
INSTEAD_OF_A_KEY = "text_token"  # stands where the key would
NOT_THE_API = ("bmp", "assistant-api")  # the console's trial, and assistants made there


@dataclass(frozen=True)
class Instance:
    """`key_id`: "" where the console was used, None where the row does not say. `channel`: "" where it does not."""

    key_id: str | None
    model: str
    kind: str
    channel: str

    @property
    def elsewhere(self) -> bool:
        """Whether no API key made it, or not through the API."""
        return self.key_id == "" or self.channel in NOT_THE_API


def instance_of(text: str) -> Instance | None:
    """The parts of an instance id; None for any other form, which is not guessed."""
    parts = [part.strip() for part in text.split(";")]
    if len(parts) not in (5, 6) or not parts[1].startswith(WORKSPACE_STARTS) or not (parts[2] and parts[3]):
        return None
    if len(parts) == 6 and parts[5] not in (*STOP_FLAGS, ""):
        return None
    channel = "" if parts[4] in STOP_FLAGS else parts[4]
    return Instance(None if parts[0] == INSTEAD_OF_A_KEY else parts[0], parts[2], parts[3], channel)
