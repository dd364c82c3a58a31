"""The documentation is made from the installed butter: ``nox -s docs``."""

import sys
from pathlib import Path

import butter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "butter"
author = copyright = "the butter developers"
release = version = butter.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "reference_pages",
]
needs_sphinx = "9.0"  # and so Python 3.11
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"butter {release}"
html_static_path = ["static"]
html_css_files = ["butter.css"]
html_logo = html_favicon = "static/butter.svg"
NAMES = {f"color-api-{part}": "var(--color-brand-primary)" for part in ("name", "pre-name")}
html_theme_options = {
    # dark enough on white, and light enough on black, for a link
    "light_css_variables": {"color-brand-primary": "#8a5a00", "color-brand-content": "#1f5fa8", **NAMES},
    "dark_css_variables": {"color-brand-primary": "#f0c24b", "color-brand-content": "#79b2f0", **NAMES},
}
html_show_sourcelink = html_copy_source = False

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"
python_display_short_literal_types = True

# The names of Python's documentation that pages refer to. The file is text that people
# can edit: an inventory of version 1, which Sphinx reads without a network.
intersphinx_mapping = {"python": ("https://docs.python.org/3", "python.inv")}
manpages_url = "https://man7.org/linux/man-pages/man{section}/{page}.{section}.html"

# "..." alone ends a statement
copybutton_prompt_text = r">>> |\.\.\.(?: |$)|\$ "
copybutton_prompt_is_regexp = True
