"""Tables of scores of a run: by face, landmark, region and group; the CED (cumulative distribution)."""

from mlcmkd.evaluation.scores import Scores
from mlcmkd.training.run_directory import Run

LANDMARKS = "landmarks.csv"
REGIONS = "regions.csv"
GROUPS = "groups.csv"
CED = "ced.csv"
CED_FIGURE = "ced.png"


def write_scores(run: Run, scores: Scores) -> None:
    """Writes errors.csv, landmarks.csv, regions.csv, ced.csv and ced.png; groups.csv with groups."""
    from mlcmkd.plots import ced_curves  # here, because the import of Matplotlib takes long
    from mlcmkd.plots.saving import save_figure

    run.errors(scores.rows())
    run.table(LANDMARKS, scores.per_landmark())
    run.table(REGIONS, scores.per_region())
    run.table(CED, scores.ced())
    parts = scores.by_group()
    if len(parts) > 1:
        run.table(GROUPS, [{"group": name, **part.summary()} for name, part in parts.items()])
    else:
        (run.path / GROUPS).unlink(missing_ok=True)  # of an earlier run in this folder
    figure = ced_curves(
        {name: part.per_face for name, part in parts.items()},
        threshold=scores.threshold,
        normaliser=scores.normaliser,
    )
    save_figure(figure, run.path / CED_FIGURE, dpi=120)
