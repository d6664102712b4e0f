"""The picture of the demo in the guide: its page with the first example, which is rendered.

    python -m scripts.demo_figure docs/figures

Writes `demo.png`. It needs what the browser tests need: Chromium and playwright.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from mlcmkd.course.project import NOTEBOOKS
from tests.browser import chromium, new_page, voila

_SIZE = {"width": 1280, "height": 1170}
_WIDTH = 960  # px


def main(out: Path) -> None:
    """Draws the figure."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        shutil.copy(NOTEBOOKS / "demo.ipynb", place)
        with voila(place, "demo") as address, chromium(place) as browser:
            with new_page(browser, "demo") as page:
                page.set_viewport_size(_SIZE)
                page.goto(address, wait_until="commit")
                page.wait_for_selector("img.mlcmkd-picture")
                page.wait_for_timeout(1000)  # for the style
                shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    height = round(shot.height * _WIDTH / shot.width)
    shot = shot.resize((_WIDTH, height), Image.Resampling.LANCZOS)
    shot.save(out / "demo.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
