"""Formulas as MathML, which every browser shows by itself: no script, no other host.

Docutils' translation of LaTeX is used. It does not know the sizes of brackets, which MathML stretches
by itself.
"""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_SIZES = re.compile(r"\\[bB]ig{1,2}[lrm]?(?![A-Za-z])")
logger = logging.getLogger(__name__)


def to_mathml(formula: str, node: nodes.Node, *, block: bool) -> str:
    """A formula in LaTeX as MathML; a formula that cannot be translated is a warning."""
    try:
        return tex2mathml(_SIZES.sub("", formula), as_block=block)
    except MathError as error:
        logger.warning("formula %r: %s", formula, error, location=node)
        return f"<code>{formula}</code>"


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(to_mathml(node.astext(), node, block=False))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    self.body.append(to_mathml(node.astext(), node, block=True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
