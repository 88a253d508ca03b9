"""A picture to look at: each page that was read, with boxes over its lines, and what both readers say side by side."""

from .drawn_again import viewed_pages as viewed_pages
from .file_view import file_view as file_view
from .html_page import title_of as title_of
from .html_page import view as view
from .viewed import SeenPicture as SeenPicture
from .viewed import ViewedDifference as ViewedDifference
from .viewed import ViewedLine as ViewedLine
from .viewed import ViewedPage as ViewedPage
