"""Files beside a prompt become parts of the message, in the form the model takes."""

from .fitting import images_that_fit as images_that_fit
from .media import able_models as able_models
from .media import inline_address as inline_address
from .parts import TargetModel as TargetModel
from .parts import attach as attach
from .parts import image_part as image_part
from .parts import open_source as open_source
from .parts import target_of as target_of
from .parts import texts_and_images as texts_and_images
from .parts import undrawn as undrawn
