"""Retired words: `python scripts/check_words.py` finds phrases that only this project would understand.

Readers are students and researchers of many languages, who know the terms of the field. A row of
`RETIRED` is a phrase that was once here, as a regular expression, and what to write instead. It is found
across the end of a line, too. `make lint` runs this after codespell, which finds misspelt words.
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
}


class Finding(NamedTuple):
    """A retired phrase in a file: its line, its words, and what to write instead."""

    path: Path
    line: int
    phrase: str
    better: str


def findings(text: str, path: Path) -> Iterator[Finding]:
    """The retired phrases of a text."""
    for pattern, better in RETIRED.items():
        # Between two words of a phrase a line may end, in code with a comment sign or a quotation mark.
        words = pattern.replace(" ", r"[\s#\"]+")
        for found in re.finditer(rf"(?<![\w-])(?:{words})(?![\w-])", text, re.IGNORECASE):
            phrase = " ".join(found[0].split())
            yield Finding(path, text.count("\n", 0, found.start()) + 1, phrase, better)


def files() -> Iterator[Path]:
    """Pages, sources of the notebooks, and code; without what is generated, and this list."""
    for pattern in (*TEXTS, *CODE):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path != Path(__file__).resolve() and not name.startswith(GENERATED):
                yield path


def main() -> None:
    found = [each for path in files() for each in findings(path.read_text(encoding="utf-8"), path)]
    for path, line, phrase, better in found:
        print(f"{path.relative_to(ROOT)}:{line}: '{phrase}'; write: {better}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
