"""The list of models that DashScope itself gives, read, and set beside the catalog. It asks nobody: rows come in."""

from .differences import DifferenceKind as DifferenceKind
from .differences import LiveComparison as LiveComparison
from .differences import LiveDifference as LiveDifference
from .differences import compare_live as compare_live
from .differences import dollars_only as dollars_only
from .listing import LiveList as LiveList
from .listing import LiveModel as LiveModel
from .listing import page_of as page_of
from .listing import read_list as read_list
from .overlay import overlay_of as overlay_of
from .quotas import read_permissions as read_permissions
from .quotas import read_quotas as read_quotas
from .reading import LANGUAGE_OF as LANGUAGE_OF
from .reading import LiveReading as LiveReading
from .reading import list_currency as list_currency
from .reading import sites_of as sites_of
from .reading import told_apart as told_apart
