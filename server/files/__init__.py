"""What people name as a file becomes something that can be sent: from the allowed folders only, judged by content."""

from .pdfs import Pdf as Pdf
from .picture import FILE_BYTES as FILE_BYTES
from .picture import Picture as Picture
from .pictures import ImageFile as ImageFile
from .sources import Link as Link
from .sources import OtherFile as OtherFile
from .sources import Source as Source
from .sources import opened as opened
from .studio import Studio as Studio
