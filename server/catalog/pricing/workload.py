"""What is to be priced: one request, and how many such."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from ..money import Usage


@dataclass(frozen=True)
class Workload:
    """What one request holds, and how many such requests there are.

    Input includes every hit, write and modality; output includes reasoning. `cached_input_tokens` are implicit hits.
    `audio_seconds`: what is heard, for models that are billed by its time. `measured`: DashScope counted it, so the
    catalog's limits are no reason to doubt it.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    explicit_cached_tokens: int = 0
    input_by_modality: Mapping[str, int] = field(default_factory=dict)
    output_by_modality: Mapping[str, int] = field(default_factory=dict)
    reasoning_tokens: int = 0
    thinking: bool = False
    batch: bool = False
    calls: int = 1
    web_searches: int = 0
    search_strategy: str = "turbo"
    pdf_pages: int = 0
    audio_seconds: Decimal | None = None
    free_quota: bool = False
    measured: bool = False

    @classmethod
    def of(cls, usage: Usage, *, reasoned: bool = False, audio_seconds: Decimal | None = None) -> "Workload":
        """What one request used, as DashScope counted it; `reasoned`: the reply held reasoning."""
        return cls(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens or 0,
            cache_write_tokens=usage.cache_write_tokens or 0,
            explicit_cached_tokens=usage.explicit_cached_tokens or 0,
            input_by_modality={"image": usage.image_tokens} if usage.image_tokens else {},
            reasoning_tokens=usage.reasoning_tokens or 0,
            thinking=reasoned,
            audio_seconds=audio_seconds,
            measured=True,
        )

    @property
    def begun_seconds(self) -> int:
        """Of audio: DashScope counts whole ones."""
        return int((self.audio_seconds or Decimal()).to_integral_value(ROUND_CEILING))

    @property
    def cache_tokens(self) -> int:
        return self.cached_input_tokens + self.cache_write_tokens + self.explicit_cached_tokens

    @property
    def counts(self) -> tuple[int, ...]:
        parts = (*self.input_by_modality.values(), *self.output_by_modality.values())
        whole = (self.input_tokens, self.output_tokens, self.reasoning_tokens, self.web_searches, self.pdf_pages)
        heard = self.begun_seconds
        return (*whole, heard, self.cached_input_tokens, self.cache_write_tokens, self.explicit_cached_tokens, *parts)
