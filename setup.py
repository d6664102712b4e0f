"""The README as a package index shows it: its relative links lead nowhere there.

With `Repository` under `[project.urls]` in pyproject.toml they lead to the files of the repository.
Without it the words of a link stay, and pictures are left out. All other settings are in pyproject.toml.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^][]*)\]\((?!https?:|#|mailto:)([^()\s]+)\)")


def package_page(readme: str, repository: str | None) -> str:
    """The README without relative links.

    Args:
        readme: in Markdown.
        repository: its address, where files are below `blob/HEAD` and `raw/HEAD`, or None.
    """

    def replaced(link: re.Match) -> str:
        picture, text, path = link.groups()
        if repository is None:
            return "" if picture else text
        return f"{picture}[{text}]({repository}/{'raw' if picture else 'blob'}/HEAD/{path})"

    return LINK.sub(replaced, readme)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=package_page(readme, project.get("urls", {}).get("Repository")),
        long_description_content_type="text/markdown",
    )
