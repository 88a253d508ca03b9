"""Reading the pages of a file: which, several at once, what was found on each, and how far it can be trusted."""

from .page import Page as Page
from .ranges import as_ranges as as_ranges
from .ranges import pages_in as pages_in
from .reading import Reading as Reading
from .transcripts import Line as Line
