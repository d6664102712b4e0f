"""KD-Loss in the form of the authors' code and of their sample figures: the figure of the results page.

python scripts/kd_loss_figure.py docs/figures
"""

import sys
from pathlib import Path

from mlcmkd.distillation.kd_loss import FIGURES
from mlcmkd.plots import loss_forms

FORMS = {
    "the authors' code": {},
    "their figures, slope 1": FIGURES,
    "their figures, slope 3": {**FIGURES, "slope": 3.0},
}


def main(folder: Path) -> None:
    """Draws the figure."""
    loss_forms(0.0, 0.02, 0.05, FORMS).savefig(folder / "kd_loss_curves.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
