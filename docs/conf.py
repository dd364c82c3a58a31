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
html_title = f"butter {release}"
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
