"""How a page is shown: printed prose wraps, figures open at full size, a page has a description."""

import re
from html import escape
from textwrap import shorten

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

_LONGEST = 200
_COLUMNS = re.compile(r"\S {2,}\S")
_WIDEST = 110  # columns of a printed table that is worth scrolling


def arrange(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Marks prose among the outputs of cells, and makes each figure a link to its own file."""
    if app.builder.format != "html":
        return
    for output in doctree.findall(
        lambda node: "cell_output" in getattr(node, "attributes", {}).get("classes", [])
    ):
        for block in output.findall(nodes.literal_block):
            if is_prose(block.astext()):
                block["classes"].append("prose")
    for image in list(doctree.findall(nodes.image)):
        stored = app.env.images.get(image["uri"])
        if stored and not isinstance(image.parent, nodes.reference):
            link = nodes.reference("", "", internal=True, classes=["full-size"])
            file = f"{app.builder.imagedir}/{stored[1]}"
            link["refuri"] = relative_uri(app.builder.get_target_uri(docname), file)
            image.replace_self(link)
            link += image


def is_prose(text: str) -> bool:
    """Whether a printed text may be broken into lines: it has no columns, or is too wide for a table."""
    lines = text.splitlines()
    columns = sum(bool(_COLUMNS.search(line)) for line in lines)
    return columns < 2 or max(map(len, lines)) > _WIDEST


def description(doctree: nodes.document) -> str:
    """The beginning of the first paragraph of a page that is text of its own."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, (nodes.section, nodes.document)):
            text = " ".join(paragraph.astext().split())
            if text and not any(paragraph.findall(nodes.image)):
                return shorten(text, _LONGEST, placeholder=" …")
    return ""


def add_description(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Adds the description, which search engines and previews of links show."""
    if doctree is not None and (text := description(doctree)):
        tag = f'<meta name="description" content="{escape(text)}" />'
        context["metatags"] = context.get("metatags", "") + tag


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", arrange)
    app.connect("html-page-context", add_description)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
