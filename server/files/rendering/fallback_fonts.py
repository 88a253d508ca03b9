"""Fonts for what a PDF names and does not carry: the machine's own, and one that comes with us (`fonts/`).

PDFium draws nothing where it has no font, and says nothing: e-invoices leave out SimSun and FangSong.
"""

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "fonts"
OURS = FONTS / "wqy-microhei.ttf"
# Where PDFium looks by itself: core/fxge/linux/fx_linux_impl.cpp. Windows and macOS bring such fonts
SYSTEM_FONTS = ("/usr/share/fonts", "/usr/share/X11/fonts/Type1", "/usr/share/X11/fonts/TTF", "/usr/local/share/fonts")


_kept: list[Any] = []  # what must live as long as PDFium does


def use_fallback_fonts(system: Sequence[str] = SYSTEM_FONTS) -> None:
    """Once, before the first document is opened."""
    from pypdfium2 import raw

    if _kept or sys.platform in ("win32", "darwin"):
        return
    paths = [ctypes.create_string_buffer(str(path).encode()) for path in (*system, FONTS)]
    config = raw.FPDF_LIBRARY_CONFIG(version=2)
    wanted = type(config.m_pUserFontPaths)
    array = (wanted._type_ * (len(paths) + 1))(*(ctypes.cast(path, wanted._type_) for path in paths), None)
    config.m_pUserFontPaths = ctypes.cast(array, wanted)
    raw.FPDF_DestroyLibrary()  # pypdfium2 has begun it without any
    raw.FPDF_InitLibraryWithConfig(config)
    _kept.extend([paths, array])
