"""What all calls of the process share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import anyio

from ..catalog import Catalog, Model, in_beijing, shipped
from ..dashscope import DashScope
from ..endpoints import Host
from ..errors import InvalidRequest
from ..files import LocalReader, Renderer
from ..spending import Caps, Ledger, VectorCache
from .jobs import Jobs
from .pacing import Pacing
from .rates import Rates
from .shelf import Shelf


@dataclass(frozen=True)
class AppContext:
    """What all calls share: made once, in `commands/serve`."""

    dashscope: DashScope
    host: Host
    folders: tuple[Path, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)  # tool -> the model the settings chose for it
    catalog: Callable[[], Catalog] = shipped
    output_folder: Path | None = None  # where new files may be written; none elsewhere
    soft_timeout_s: float | None = None  # how long any host is kept waiting; None: by its name
    replay: bool = True  # whether the same question is billed once: joined, or given what reached nobody
    extract_repairs: int = 1  # how often an answer that does not fit is sent back
    renderer: Renderer = field(default_factory=Renderer)
    local_reader: LocalReader = field(default_factory=LocalReader)  # of pictures, where the extra is installed
    second_reader: bool = False  # whether it reads what DashScope reads
    second_reader_wait_s: float = 5  # how long an answer may wait for it
    uploads: bool = True  # whether a file may be put into DashScope's temporary storage
    structured: bool = False  # whether results are given as data too, for programs
    language: str = "auto"  # of what is ours in a result: auto (as the call is written), en, zh
    mend: Callable[..., str] = lambda *variables: ""  # what to do about those settings that cannot be read
    remote: bool = False  # whether its clients may be on other machines
    sandboxed: bool = False  # whether all of it is the sandbox's, what is never sent as well
    pages_to_look_at: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(2))  # at once: they are large
    pacing: Pacing = field(default_factory=Pacing)
    rates: Rates = field(default_factory=Rates)
    shelf: Shelf = field(default_factory=Shelf)
    jobs: Jobs = field(default_factory=Jobs)
    ledger: Ledger = field(default_factory=Ledger)
    caps: Caps = field(default_factory=Caps)
    vector_cache: VectorCache = field(default_factory=VectorCache)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def region(self) -> str:
        """The region whose prices hold.

        Raises:
            InvalidRequest: it is not known, since a setting cannot be read. A price of any other would be made up.
        """
        if not self.host.region:
            raise InvalidRequest(self.region_unknown)
        return self.host.region

    @property
    def region_unknown(self) -> str:
        """What to do where it is not."""
        return f"Prices differ by region, and the server's is not known: give `region`. {self.host.trouble}"

    @property
    def reads_here(self) -> bool:
        """Whether what is sent is read here too: a sandbox invents its answers."""
        return self.second_reader and not self.sandboxed and self.local_reader.is_installed

    def known(self, model: str) -> Model | None:
        """What the catalog holds of a model; of another server's models it knows nothing, whatever their names."""
        return None if self.host.kind == "other" else self.catalog().find(model)

    def today(self) -> date:
        """The day in Beijing, where prices are made."""
        return in_beijing(self.now()).date()
