"""Files beside a prompt become parts of the message, in the form the model takes."""

from .fitting import images_that_fit as images_that_fit
from .media import able_models as able_models
from .media import inline_address as inline_address
from .parts import Attached as Attached
from .parts import Shown as Shown
from .parts import SourceText as SourceText
from .parts import TargetModel as TargetModel
from .parts import attached as attached
from .parts import attached_media as attached_media
from .parts import image_part as image_part
from .parts import joined_pages as joined_pages
from .parts import open_source as open_source
from .parts import page_notes as page_notes
from .parts import read_input as read_input
from .parts import target_of as target_of
from .parts import text_layer as text_layer
from .parts import texts_and_images as texts_and_images
from .parts import undrawn as undrawn
