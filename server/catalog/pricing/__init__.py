"""A workload in, its exact list price out; and what must be said with it."""

from .caveats import lifecycle_warnings as lifecycle_warnings
from .caveats import over_limits as over_limits
from .caveats import price_caveats as price_caveats
from .caveats import price_notes as price_notes
from .comparison import Costs as Costs
from .comparison import Estimate as Estimate
from .comparison import compare_prices as compare_prices
from .comparison import price_sheets as price_sheets
from .cost import cost_of as cost_of
from .cost import why_unknown as why_unknown
from .sheet import ONLY_IN_DETAIL as ONLY_IN_DETAIL
from .sheet import Sheet as Sheet
from .sheet import fees_in as fees_in
from .sheet import price_sheet as price_sheet
from .sheet import short_tier as short_tier
from .sheet import tier_row as tier_row
from .tokens import MARKER_TOKENS as MARKER_TOKENS
from .tokens import TextTokens as TextTokens
from .tokens import image_tokens as image_tokens
from .tokens import is_ocr as is_ocr
from .tokens import pixel_limit as pixel_limit
from .tokens import pixels_for as pixels_for
from .tokens import seen_as as seen_as
from .tokens import text_tokens as text_tokens
from .workload import Workload as Workload
