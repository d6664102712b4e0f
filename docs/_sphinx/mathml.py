"""Formulas as MathML, which browsers show by themselves: no script, no other host.

latex2mathml translates them. The font is STIX Two Math of the package ziamath, for systems that have no
font with the tables of mathematics.
"""

import re
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

# A letter without braces, \mathcal L, gets an attribute that browsers ignore.
_UNBRACED = re.compile(r"\\(mathcal|mathbb|mathbf|mathrm) +(\w)")
# Bars stretch to different heights, and are set as if they stood between two terms.
_BAR = re.compile(r'<mo(?: stretchy="false")?>(&#x0?2016;|&#x0*7C;)</mo>', re.IGNORECASE)
logger = logging.getLogger(__name__)


def to_mathml(formula: str, node: nodes.Node | None, *, block: bool) -> str:
    """A formula in LaTeX as MathML; a formula that cannot be translated is a warning."""
    try:
        html = convert(_UNBRACED.sub(r"\\\1{\2}", formula), display="block" if block else "inline")
    except Exception as error:  # the package has no base class of its errors
        logger.warning("formula %r: %r", formula, error, location=node)
        return f"<code>{formula}</code>"
    if unknown := re.search(r"\\[A-Za-z]+", html):
        logger.warning("formula %r: %s is unknown", formula, unknown[0], location=node)
    return _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', html)


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(to_mathml(node.astext(), node, block=False))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    self.body.append(to_mathml(node.astext(), node, block=True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def add_font(app: Sphinx) -> None:
    """Copies the font to the site; book.css names it."""
    (package,) = find_spec("ziamath").submodule_search_locations
    app.config.html_static_path.append(str(Path(package) / "fonts/STIXTwoMath-Regular.ttf"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("builder-inited", add_font, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
