"""Words: nothing is misspelt, and phrases that only this project would understand do not come back."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("check_words", ROOT / "scripts/check_words.py")
check_words = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_words)

USES = [
    "a run that stands is not made again",
    "it goes on where it stopped",
    "the user is told",
    "turn the knobs",
    "the house's loss",
    "on the ground floor",
    "the model in the box",
    "embedded faces",
    "drawn rooms",
    "after three looks",
    "the warm blob",
    "its rivals",
    "on Knapik's drivers",
    "a net that reads thermal",
    "what an answer is compared with",
    "the teacher's answer",
    "trained by answers alone",
    "how hard it pulls",
    "its line and its mend",
    "is held against labels",
    "looks a manifest over",
    "no camera was at hand",
    "by which dice",
    "cannot tell the two apart",
    "a twin image",
    "they do not show a difference",
    "the student is level with it",
    "no interval is clear of zero",
    "is ahead of FD+LD",
    "the student has caught up",
    "it stands in for the label",
    "an unlabelled face is passed over",
    "it starts anew",
    "other weights were not tried",
    "measured beside other work",
    "it is said that nothing changes",
    "they run in turns",
    "a hand before the face",
    "surprisingly",
]


@pytest.mark.parametrize(
    ("pattern", "use"), zip(check_words.RETIRED, USES, strict=True), ids=lambda each: each[:20]
)
def test_a_retired_phrase_is_found(pattern, use):
    better = check_words.RETIRED[pattern]
    found = list(check_words.findings(f"First.\nThen {use.upper()} here.", Path("page.md")))
    assert [(each.line, each.better) for each in found] == [(2, better)]


@pytest.mark.parametrize(
    "text",
    [
        "The camera reads thermal images of 16 bits, in the box of the face; a standing row",
        "np.floor(x), strategies: *rivals, the household, we are told to stop, dice_score, the houses",
        "standard, understands, runs of a standstill; the model in the box of the figure",
        "three points lie straight ahead of the camera; a failed run is tried again, at level 3",
        "levels are levelled with a spirit level; NME stands for normalised mean error; pass it over",
        "the box is found before the face is cropped; it turns left; the code runs in two turns",
    ],
)
def test_ordinary_english_is_not(text):
    assert not list(check_words.findings(text, Path("page.md")))


def test_a_phrase_is_found_across_the_end_of_a_comment_line():
    (found,) = check_words.findings("# whether the run\n# stands", Path("a.py"))
    assert found.line == 1


LONG = "Word " + "and word " * (check_words.MOST_WORDS // 2)


def test_an_overlong_sentence_is_found_with_its_line():
    page = f"# Head\n\nA short one. Another one\nends here. {LONG}\nand its end. A short one."
    (found,) = check_words.long_sentences(page, Path("page.md"))
    assert (found.line, found.phrase) == (4, "Word and word and word and ...")
    cell, item = f"| a | {LONG} |", f"- {LONG}"
    assert [each.line for each in check_words.long_sentences(f"{cell}\n\n{item}", Path())] == [1, 3]


def test_an_overlong_sentence_of_a_notebook_is_found_in_its_texts_alone():
    source = f"# %%\n# {LONG}\nprint(1)\n\n# %% [markdown]\n# # Head\n#\n# {LONG}\n# end."
    texts = check_words.texts_of(source)
    assert [found.line for found in check_words.long_sentences(texts, Path("00.py"))] == [8]


@pytest.mark.parametrize(
    "page",
    [
        LONG.replace("and", "and.", 2),
        f"{LONG[: len(LONG) // 2]}: {LONG[len(LONG) // 2 :]}",
        f"```\n{LONG} {LONG}\n```\n",
        f"    {LONG}\n    {LONG}",
        f"---\na: {LONG}\n---\n# {LONG}\n<!-- {LONG} -->",
        f"A `{LONG}` and [one](a/{LONG.replace(' ', '_')}.md) of `{LONG}`.",
        f"- {LONG[: len(LONG) // 2]}\n- {LONG[: len(LONG) // 2]}\n| {LONG[:60]} | {LONG[:60]} |",
    ],
)
def test_code_headings_and_short_sentences_are_not(page):
    assert not list(check_words.long_sentences(page, Path("page.md")))


def test_the_texts_have_none():
    read = {path.relative_to(ROOT).as_posix() for path in check_words.files()}
    assert {"README.md", "docs/start/install.md", "mlcmkd/models/landmarker.py"} <= read
    assert {"notebooks/sources/00_tour.py", "CHANGELOG.md"} <= read
    done = subprocess.run(
        [sys.executable, "scripts/check_words.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_word_is_misspelt():
    command = [str(Path(sys.executable).parent / "codespell")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
