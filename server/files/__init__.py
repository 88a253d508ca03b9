"""What people name as a file becomes something that can be sent: from the allowed folders only, judged by content."""

from .digests import digest as digest
from .images import ImageFile as ImageFile
from .local_reader import LocalReader as LocalReader
from .local_reader import NotReadHere as NotReadHere
from .media import MediaFile as MediaFile
from .media import MediaKind as MediaKind
from .media import refused_media as refused_media
from .office import Package as Package
from .office import UnreadOffice as UnreadOffice
from .other_files import OtherFile as OtherFile
from .outputs import OutputFile as OutputFile
from .outputs import OutputFolder as OutputFolder
from .paths import open_within as open_within
from .patterns import files_matching as files_matching
from .pdfs import PageWords as PageWords
from .pdfs import Pdf as Pdf
from .readings import ReadLine as ReadLine
from .renderer import MAX_INLINE_BYTES as MAX_INLINE_BYTES
from .renderer import Picture as Picture
from .renderer import Renderer as Renderer
from .sources import InputFile as InputFile
from .sources import Link as Link
from .sources import local_path as local_path
from .sources import names_a_path as names_a_path
from .sources import open_input as open_input
from .urls import is_public as is_public
