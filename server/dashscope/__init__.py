"""The only room that speaks HTTP to DashScope: auth, deadline, retries, streaming, its errors."""

from .client import BeforeAttempt as BeforeAttempt
from .client import DashScope as DashScope
from .errors import FILTERED as FILTERED
from .errors import DashScopeError as DashScopeError
from .events import INTERRUPTED as INTERRUPTED
from .events import Event as Event
from .events import Finish as Finish
from .events import Heard as Heard
from .events import OcrResult as OcrResult
from .events import ReasoningDelta as ReasoningDelta
from .events import SearchResult as SearchResult
from .events import SearchResults as SearchResults
from .events import Sentence as Sentence
from .events import TextDelta as TextDelta
from .events import UsageReport as UsageReport
from .protocols import LIMIT_FIELDS as LIMIT_FIELDS
from .protocols import ChatCompletions as ChatCompletions
from .protocols import Generation as Generation
from .protocols import Responses as Responses
from .protocols import WireProtocol as WireProtocol
from .reply import Reply as Reply
from .rest import Rest as Rest
from .stored_files import StoredFile as StoredFile
from .stored_files import StoredFiles as StoredFiles
