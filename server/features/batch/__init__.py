"""One tool's work over many inputs: read, priced, asked at once or by DashScope's batches, written as it comes.

All that a process may lose is in a folder beside the output (`work.py`): whoever asks the same again goes on there.
"""

from .batch import BatchOptions as BatchOptions
from .batch import BatchOutcome as BatchOutcome
from .batch import run_batch as run_batch
from .estimate import BatchEstimate as BatchEstimate
from .items import BatchInputs as BatchInputs
from .items import BatchTool as BatchTool
