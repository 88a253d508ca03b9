"""What pictures say as read on this machine, while DashScope reads them: as a text whose letters know their places."""

from .geometry import PageGeometry as PageGeometry
from .geometry import Unit as Unit
from .likelihood import MANY_DIGITS as MANY_DIGITS
from .likelihood import MAX_LOG_ODDS as MAX_LOG_ODDS
from .likelihood import log_likelihood as log_likelihood
from .local_pages import LocalPages as LocalPages
from .local_pages import ReadHere as ReadHere
from .local_pages import local_pages as local_pages
from .local_text import LocalText as LocalText
from .local_text import local_text as local_text
from .plain import BLANKS as BLANKS
from .plain import plain_words as plain_words
