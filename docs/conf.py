"""The documentation is made from the installed butter: ``nox -s docs``."""

import butter

project = "butter"
author = "the butter developers"
release = version = butter.__version__
extensions = ["sphinx.ext.autodoc"]
html_theme = "alabaster"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
manpages_url = "https://man7.org/linux/man-pages/man{section}/{page}.{section}.html"
exclude_patterns = ["_build"]
