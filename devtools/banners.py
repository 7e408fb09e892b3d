"""The addons' icons and banners, drawn by the browser from their SVG files and screenshots."""

import base64
import html
import string
from pathlib import Path

from . import paths, pictures

TEMPLATE = Path(__file__).with_name("banner.html")
WIDTH, HEIGHT = 1120, 560
ICON = 256
# Which screenshot the banner of an addon shows, and the colour behind it.
SHOWN = {
    "portal_agent_account": ("dashboard.png", "#714b67"),
    "sale_auto_portal_user": ("confirmation.png", "#017e84"),
}


def make(chrome):
    """Write `icon.png` of every addon, and `banner.png` of those that have a picture to show.

    :param chrome: Playwright's `Browser`
    """
    for addon in paths.addons():
        folder = paths.REPOSITORY / addon / "static" / "description"
        _draw_icon(chrome, folder)
        if addon in SHOWN:
            _draw_banner(chrome, addon, folder)


def _draw_icon(chrome, folder):
    """Transparent corners stay: an icon is not compressed to a palette."""
    page = chrome.new_page(viewport={"width": ICON, "height": ICON})
    drawing = (folder / "icon.svg").read_text().replace("<svg ", f'<svg style="width:{ICON}px;height:{ICON}px" ', 1)
    page.set_content(f"<body style='margin: 0'>{drawing}</body>")
    page.screenshot(path=folder / "icon.png", omit_background=True)
    page.close()


def _draw_banner(chrome, addon, folder):
    picture, colour = SHOWN[addon]
    manifest = paths.read_manifest(paths.REPOSITORY / addon)
    text = string.Template(TEMPLATE.read_text()).substitute(
        title=html.escape(manifest["name"]),
        summary=html.escape(manifest["summary"]),
        colour=colour,
        icon=_embed(folder / "icon.png"),
        picture=_embed(folder / picture),
    )
    page = chrome.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_content(text)
    page.wait_for_load_state("networkidle")
    pictures.save(folder / "banner.png", page.screenshot())
    page.close()


def _embed(path):
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
