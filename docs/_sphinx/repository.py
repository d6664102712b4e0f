"""Where the files of the repository are on the site, and links between them.

Pages and notebooks link to files by relative paths, which work in a checkout, in JupyterLab and on a
host of repositories. On the site each of these files has a page, and `with_links_of_the_site` leads
the links there. A link to a file that does not exist stays as it is, so that Sphinx reports it.
"""

import re
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent

LESSONS, EXERCISES, SOURCES = "lessons", "exercises", "source"
# Files that a page of the site contains, or stands for.
PAGES = {
    "README.md": "index",
    "CHANGELOG.md": "start/changelog",
    "benchmarks/README.md": "performance/peers",
}
_LINK = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\[\]]|!?\[[^\]]*\])*)\]\((?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)"
)


def page_of(file: Path) -> str:
    """The page of a file or folder of the repository, as Sphinx names documents, with its suffix."""
    name = file.relative_to(ROOT).as_posix()
    if name in PAGES:
        return f"{PAGES[name]}.md"
    if file.is_relative_to(DOCS) and file.suffix == ".md":
        return file.relative_to(DOCS).as_posix()
    if file.suffix == ".ipynb":
        folder = LESSONS if file.parent.name == "notebooks" else EXERCISES
        return f"{folder}/{file.name}"
    return f"{SOURCES}/{name}.md"


def linked_files(text: str, folder: Path) -> list[Path]:
    """Files and folders of the repository that a Markdown text links to by relative paths."""
    found: list[Path] = []
    _replaced(text, folder, lambda file: found.append(file) or "")
    return found


def with_links_of_the_site(text: str, folder: Path) -> str:
    """The text with its links to files of the repository leading to their pages.

    Args:
        text: Markdown.
        folder: of the file that contains the text.
    """
    return _replaced(text, folder, lambda file: f"/{page_of(file)}")


def _replaced(text: str, folder: Path, target: Callable[[Path], str]) -> str:
    def replace(link: re.Match) -> str:
        path = link["path"]
        if re.match(r"\w+:|/", path):
            return link[0]
        file = (folder / path).resolve()
        if not file.exists() or not file.is_relative_to(ROOT) or _is_download(file):
            return link[0]
        return f"[{link['text']}]({target(file)}{link['anchor'] or ''})"

    return _LINK.sub(replace, text)


def _is_download(file: Path) -> bool:
    """Pictures of the site, which Sphinx copies."""
    return file.is_relative_to(DOCS) and file.suffix not in (".md", "")
