"""Words and sentences: `python scripts/check_words.py` finds what is hard to read.

Readers are students and researchers of many languages, who know the terms of the field.

- Retired phrases, which only this project would understand. A row of `RETIRED` is a phrase that was once
  here, as a regular expression, and what to write instead. It is found across the end of a line, too.
- Overlong sentences of Markdown pages and of the notebooks' texts: more than `MOST_WORDS` words up to a
  full stop or a colon.

`make lint` runs this after codespell, which finds misspelt words.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TEXTS = (
    "*.md",
    "docs/**/*.md",
    "benchmarks/*.md",
    "experiments/*.yaml",
    "notebooks/sources/**/*.py",
)
CODE = (
    "mlcmkd/**/*.py",
    "data_prep/**/*.py",
    "benchmarks/*.py",
    "scripts/**/*.py",
    "mlcmkd/**/*.md",
)
GENERATED = ("docs/_build", "docs/lessons", "docs/exercises", "docs/source", "docs/reference/api")

RETIRED = {
    r"(runs?|rows?|results?) (that )?(still )?stands?": "exists, is complete",
    r"goes on where it stopped": "resumes",
    r"(is|are|be|was|were) told(?! to)": "is reported",
    r"knobs?": "hyperparameters",
    r"the house('s)?": "the default, the architecture",
    r"ground floor": "the base layer",
    r"models? in the box(?! of)": "the bundled model",
    r"(drawn|embedded) faces": "synthetic faces",
    r"drawn rooms?": "synthetic scenes",
    r"three looks": "three-pass refinement",
    r"warm blobs?": "warm-region detector",
    r"(?<![&*])rivals?": "candidate boxes, other methods",
    r"Knapik's drivers": "Knapik development or test sequences",
    r"reads (thermal|RGB)(?! (\w+ ){0,2}(data|images?|frames?|values?|photos?))": "takes thermal input",
    r"what an answer is compared with": "supervision target",
    r"teacher'?s answers?": "the teacher's prediction, pseudo-label",
    r"by answers alone": "by pseudo-labels only",
    r"how hard (it|they) pulls?": "gradient magnitude",
    r"(its|the|a) mends?": "a suggested fix",
    r"(is|are|was|were) held against": "is evaluated against",
    r"looks? (a|the) manifests? over": "validates a manifest",
    r"(is|are|was|were|not) at hand": "is available, unavailable",
    r"(which|same|own|the) dice": "random state",
    r"(tells? (\w+ ){0,4}|told )apart": "distinguish",
    r"(?<!\()twins? images?": "simulated thermal image",
    r"do(es)? not show (a|any) difference": "no significant difference was found",
    r"level with|(is|are|was|were) (nearly )?level(?! \w)": "is equal to, is as accurate as",
    r"clear of zero": "excludes zero",
    r"(?<!straight.)ahead of|(is|are|was|were) ahead": "is better than",
    r"caught up": "is equal to",
    r"stands? in for": "replaces",
    r"passed over": "skipped, left out",
    r"anew": "again",
    r"(was|were) (not )?tried(?! again)": "was measured, was compared",
    r"beside other (work|programs|processes)": "on a machine with other work",
    r"it is said": "a message says so",
    r"in turns": "alternately",
    r"(people|persons?|hands?|masks?) before (the|a) (cameras?|face|mouth)": "in front of",
    r"surprisingly|interestingly|needless to say|it turn(s|ed) out": "nothing: state the result",
}

MOST_WORDS = 40


class Finding(NamedTuple):
    """A retired phrase in a file: its line, its words, and what to write instead."""

    path: Path
    line: int
    phrase: str
    better: str


def findings(text: str, path: Path) -> Iterator[Finding]:
    """The retired phrases of a text."""
    for pattern, better in RETIRED.items():
        # A phrase may continue on the next line, which in code starts with a comment sign or a quote.
        words = pattern.replace(" ", r"[\s#\"]+")
        for found in re.finditer(rf"(?<![\w-])(?:{words})(?![\w-])", text, re.IGNORECASE):
            phrase = " ".join(found[0].split())
            yield Finding(path, text.count("\n", 0, found.start()) + 1, phrase, better)


def blocks(page: str) -> Iterator[tuple[int, str]]:
    """The paragraphs, list items and table cells of a Markdown page, each with its first line.

    Left out are the YAML head, headings, code and comments.
    """
    for hidden in (r"\A---\n.*?\n---\n", r"^( *)```.*?^\1```", r"<!--.*?-->"):
        page = re.sub(hidden, _blank, page, flags=re.DOTALL | re.MULTILINE)
    start, block = 0, ""
    for number, line in enumerate([*page.split("\n"), ""], start=1):
        is_text = bool(line.strip()) and not line.startswith(("#", "|"))
        is_code = not block and line.startswith("    ")
        if block and (not is_text or re.match(r"\s*([-*>]|\d+\.) ", line)):
            yield start, block
            block = ""
        if line.startswith("|"):
            yield from ((number, cell) for cell in line.split("|"))
        elif is_text and not is_code:
            start, block = (start, f"{block}\n{line}") if block else (number, line)


def _blank(found: re.Match) -> str:
    """As many empty lines as the match has."""
    return "\n" * found[0].count("\n")


def long_sentences(page: str, path: Path) -> Iterator[Finding]:
    """The sentences of a Markdown page with too many words; code counts as one word."""
    for line, block in blocks(page):
        # Code may contain full stops and spaces, and addresses of links are not read.
        plain = re.sub(r"(?<=\])\([^)]*\)", _blank, block)
        plain = re.sub(r"`[^`]*`", lambda code: re.sub("[ .!?:]", "_", code[0]), plain)
        for found in re.finditer(r"\S.*?(?:[.!?:][*)\"\]]*(?=\s)|\Z)", plain, re.DOTALL):
            words = [word for word in found[0].split() if re.search(r"[^\W\d_]{2}", word)]
            if len(words) > MOST_WORDS:
                start = " ".join(words[:6])
                first = line + plain.count("\n", 0, found.start())
                yield Finding(path, first, f"{start} ...", f"sentences of up to {MOST_WORDS} words")


def texts_of(notebook: str) -> str:
    """The Markdown cells of a notebook's source, in their lines; the other lines are empty."""
    lines, is_text = [], False
    for line in notebook.split("\n"):
        if line.startswith("# %%"):
            is_text = "[markdown]" in line
            line = ""
        lines.append(re.sub(r"^# ?", "", line) if is_text else "")
    return "\n".join(lines)


def files() -> Iterator[Path]:
    """Pages, sources of the notebooks, and code; without what is generated, and this list."""
    for pattern in (*TEXTS, *CODE):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path != Path(__file__).resolve() and not name.startswith(GENERATED):
                yield path


def main() -> None:
    found = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        found += findings(text, path)
        if path.suffix == ".md":
            found += long_sentences(text, path)
        elif path.is_relative_to(ROOT / "notebooks"):
            found += long_sentences(texts_of(text), path)
    for path, line, phrase, better in found:
        print(f"{path.relative_to(ROOT)}:{line}: '{phrase}'; write: {better}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
