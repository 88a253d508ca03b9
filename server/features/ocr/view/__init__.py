"""A picture to look at: each page that was read, with boxes over its lines, and what both readers say side by side."""

from .drawn_again import viewed_pages as viewed_pages
from .file_view import VIEW_SUFFIXES as VIEW_SUFFIXES
from .file_view import file_view as file_view
from .file_view import page_written as page_written
from .file_view import why_no_page as why_no_page
from .html_page import title_of as title_of
from .html_page import view as view
from .viewed import SeenPicture as SeenPicture
from .viewed import ViewedDifference as ViewedDifference
from .viewed import ViewedLine as ViewedLine
from .viewed import ViewedPage as ViewedPage
