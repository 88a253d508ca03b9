"""What a model read of a picture, held against what was read of it here."""

from .local_pages import LocalPages as LocalPages
from .local_pages import local_pages as local_pages
from .local_text import page_rows as page_rows
from .opinion import MIN_SURE as MIN_SURE
from .opinion import ReadHere as ReadHere
from .opinion import SecondOpinion as SecondOpinion
from .opinion import opinion as opinion
from .placing import placed_lines as placed_lines
from .verdict import verdict as verdict
