"""The site: `make book` builds it into docs/_build/html, from the stored notebooks without running them.

Pages that are made of other files of the repository (lessons, exercises, sources, the API) are written
before the build by `_sphinx/`, into folders that git ignores.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # _sphinx
sys.path.insert(0, str(Path(__file__).parents[1]))  # mlcmkd and data_prep of this checkout

import mlcmkd

project = "mlcmkd"
author = "the mlcmkd authors"
copyright = "the mlcmkd authors, Apache-2.0"
release = version = mlcmkd.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.githubpages",  # .nojekyll: folders that begin with _ are served, too
    "sphinx_copybutton",
    "sphinx_design",
    "_sphinx.pages",
    "_sphinx.shown",
    "_sphinx.docstrings",
    "_sphinx.mathml",
    "_sphinx.reference",
    "_sphinx.site_checks",
]
exclude_patterns = ["_build", "_sphinx", "_extra"]
suppress_warnings = [
    "ref.python",  # a word in single backticks that is the name of several attributes
]

# Notebooks are shown as they are stored.
nb_execution_mode = "off"
nb_merge_streams = True  # one box for what a cell has printed, however it arrived
nb_render_markdown_format = "myst"  # tables and formulas in outputs
nb_ipywidgets_js = {}  # would be fetched from other hosts
nb_code_prompt_show = "Show the {type}"
nb_code_prompt_hide = "Hide the {type}"

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

highlight_language = "text"  # of indented blocks: commands, and tables in docstrings

# Names in single backticks in docstrings are links where they are names of documented objects.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = "mlcmkd"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_search_scorer = str(Path(__file__).parent / "_sphinx/scorer.js")
html_extra_path = ["_extra"]
html_favicon = "_static/icon.svg"
html_theme_options = {
    "home_page_in_toc": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_persistent": [],  # the search is in the sidebar
    "article_header_start": ["toggle-primary-sidebar.html", "breadcrumbs.html"],
    "use_download_button": True,
    "use_fullscreen_button": False,
    "path_to_docs": "docs",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# No page loads anything from another host.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp"
