"""Checks the finished site; what is wrong is a warning, so that `make book` fails.

Every link within the site leads to a page, and to a place on it; every picture has an alternative text;
nothing is loaded from another host.
"""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
logger = logging.getLogger(__name__)


class Page(HTMLParser):
    """What a page links to, loads and shows.

    Attributes:
        ids: places on the page.
        links: targets of its links.
        loaded: addresses of scripts, styles and pictures.
        silent: sources of pictures without an alternative text of their own.
    """

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.silent: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if address := values.get(_LOADED.get(tag, "")):
            self.loaded.append(address)
        if tag == "img":
            text = values.get("alt") or ""
            if not text or text.endswith((".png", ".jpg", ".jpeg")):
                self.silent.append(values.get("src") or "")


@cache
def read_page(path: Path) -> Page:
    """A page of the site, read once."""
    return Page(path.read_text(encoding="utf-8"))


def problems(folder: Path) -> Iterator[str]:
    """What is wrong with the site in a folder, a line each with the page's name."""
    for path in sorted(folder.rglob("*.html")):
        name, page = path.relative_to(folder).as_posix(), read_page(path)
        for link in dict.fromkeys(page.links):
            if not _leads_somewhere(path, link):
                yield f"{name}: link to {link}, which does not exist"
        for address in dict.fromkeys(page.loaded):
            if urlsplit(address).netloc:
                yield f"{name}: loads {address} from another host; put the file into docs/_static"
        for source in page.silent:
            yield f"{name}: picture {source} without an alternative text"


def _leads_somewhere(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # another host; not asked
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    place = unquote(parts.fragment)
    return not place or target.suffix != ".html" or place in read_page(target).ids


def check(app: Sphinx, error: Exception | None) -> None:
    """Checks the site after a build without errors."""
    if error is None and app.builder.format == "html":
        read_page.cache_clear()
        for problem in problems(Path(app.outdir)):
            logger.warning("%s", problem)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
