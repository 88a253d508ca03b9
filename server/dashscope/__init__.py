"""The only room that speaks HTTP to DashScope: auth, deadline, retries, streaming, its errors."""

from .client import DashScope as DashScope
from .client import Reply as Reply
from .dialects import ChatCompletions as ChatCompletions
from .dialects import Dialect as Dialect
from .dialects import Generation as Generation
from .dialects import Responses as Responses
from .errors import DashScopeError as DashScopeError
from .errors import clipped as clipped
from .events import INTERRUPTED as INTERRUPTED
from .events import Counted as Counted
from .events import Event as Event
from .events import Finished as Finished
from .events import Page as Page
from .events import Reasoned as Reasoned
from .events import Recognised as Recognised
from .events import Said as Said
from .events import Searched as Searched
