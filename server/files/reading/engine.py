"""RapidOCR, asked step by step, so that nothing of what it knows of each letter is lost.

What reads is all its own; here stands which of its steps run and on how large a page. Its models are in its wheel:
nothing is fetched.
"""

from functools import cache
from io import BytesIO
from math import dist
from pathlib import Path
from typing import Any

from .columns import Decoder, RawColumn

TALL = 1.5  # a box that much higher than wide is read from top to bottom, as RapidOCR takes it
MAX_CLASSIFIED, MAX_TRIED = 16, 4  # lines of a page, asked whether they stand on their heads; then read both ways
MAX_READ_PIXELS = 40_000_000
MAX_SIDE_PX = 1_600  # of a page, where lines are looked for: twice as many take four times as long
MAX_ASPECT = 3  # width to height: a wider picture gets margins, since each is made 736 px high to look for lines
Line = dict[str, Any]


class Engine:
    def __init__(self, threads: int) -> None:
        import numpy
        import rapidocr

        models = Path(rapidocr.__file__).parent / "models"
        self._reader: Any = _loaded()(
            params={
                "Global.log_level": "critical",
                "Global.max_side_len": MAX_SIDE_PX,
                "Global.width_height_ratio": MAX_ASPECT,
                "Global.return_word_box": True,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                **{f"{step.title()}.model_path": str(_model(models, step)) for step in ("det", "cls", "rec")},
            }
        )
        self._reader.recognize_txt([numpy.zeros((48, 48, 3), "uint8")])  # loads it
        recogniser: Any = self._reader.text_rec
        recogniser.postprocess_op = Decoder(recogniser.postprocess_op.character)

    def lines(self, content: bytes) -> list[Line]:
        """Of an image file, from top to bottom: `corners`, four [x, y] in its pixels clockwise from the line's top
        left; `columns` that hold letters, and `width`: how many columns the line is long.
        """
        from rapidocr.main import RapidOCRError
        from rapidocr.utils.process_img import map_boxes_to_original

        image = _pixels(content)
        small, steps = self._reader.preprocess_img(image)
        try:
            _, found = self._reader.detect_and_crop(small, steps)
        except RapidOCRError:  # there is no text
            return []
        boxes = map_boxes_to_original(found.boxes, steps, *image.shape[:2])
        crops = self._reader.crop_text_regions(image, boxes)  # in full size: it was made small to find lines
        turned = self._is_upside_down(crops)
        read = self._reader.recognize_txt(_on_its_head(crops) if turned else crops)
        lines = zip(boxes.tolist(), read.word_results, strict=True)
        return [_line(box, turned, *seen) for box, seen in lines if seen[0]]

    def _is_upside_down(self, crops: list[Any]) -> bool:
        """A page is so as a whole, and reads better so: the classifier alone is often wrong of long lines."""
        sample = crops[:: len(crops) // MAX_CLASSIFIED + 1]
        _, found = self._reader.cls_and_rotate(sample)
        suspects = [crop for crop, (label, _) in zip(sample, found.cls_res, strict=True) if label == "180"]
        if len(suspects) * 2 <= len(sample):
            return False
        tried = suspects[:MAX_TRIED]
        return self._sureness(_on_its_head(tried)) > self._sureness(tried)

    def _sureness(self, crops: list[Any]) -> float:
        """Of the letters in their columns, on average."""
        seen = self._reader.recognize_txt(crops).word_results
        shares: list[float] = [letters[0][1] for columns, _ in seen for _, letters in columns if letters[0][0]]
        return sum(shares) / max(1, len(shares))


def _loaded() -> Any:
    """RapidOCR, whose list of all models there are, of which ours are not chosen, is read twice while it loads: the
    second time takes a fifth of the time until the first page.
    """
    from omegaconf import OmegaConf

    read = OmegaConf.load
    OmegaConf.load = cache(read)  # type: ignore[method-assign]
    try:
        from rapidocr import RapidOCR
    finally:  # what is read later is changed by who reads it
        OmegaConf.load = staticmethod(read)  # type: ignore[method-assign]
    return RapidOCR


def _on_its_head(crops: list[Any]) -> list[Any]:
    return [crop[::-1, ::-1] for crop in crops]


def _model(folder: Path, step: str) -> Path:
    """By its path: a name would be fetched where the file is missing."""
    return next(folder.glob(f"*_{step}_*.onnx"))


def _line(box: list[list[float]], turned: bool, columns: list[RawColumn], width: float) -> Line:
    """As it runs: a line from top to bottom, or upside down, begins at another corner of its box."""
    top_left, top_right, _, bottom_left = box
    first = 1 if dist(top_left, bottom_left) >= TALL * dist(top_left, top_right) else 0
    first += 2 if turned else 0
    corners = [[round(x, 1), round(y, 1)] for x, y in (box[first % 4 :] + box[: first % 4])]
    return {"corners": corners, "columns": columns, "width": round(width, 1)}


def _pixels(content: bytes) -> Any:
    """As the models were taught: blue first."""
    import numpy
    from PIL import Image

    with Image.open(BytesIO(content)) as image:
        if image.width * image.height > MAX_READ_PIXELS:
            raise ValueError("too many pixels")
        return numpy.asarray(image.convert("RGB"))[:, :, ::-1].copy()
