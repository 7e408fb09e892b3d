"""Pictures for documents: small files that are the same bytes when they show the same."""

import io

COLOURS = 256


def compress(png):
    """Reduce a screenshot to a palette, as pages of flat colours can be without a visible loss.

    :param bytes png: the screenshot
    :return: the same picture as a smaller PNG
    :rtype: bytes
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    reduced = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    output = io.BytesIO()
    reduced.save(output, format="PNG", optimize=True)
    return output.getvalue()


def save(path, png):
    """Write a screenshot, compressed.

    :param Path path: the file
    :param bytes png: the screenshot
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compress(png))
