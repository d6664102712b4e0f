"""A notebook's parameters, checked before anything is computed, and what follows from them."""

import io
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import matplotlib
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure
from pydantic import Field, field_validator

from mlcmkd.attribution import Target
from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.scales import SCALES, Scale, get_scale
from mlcmkd.data.pairs import Pairs
from mlcmkd.distillation.decay import DecayKind
from mlcmkd.distillation.strategies import Distillation, Guide, Strategy
from mlcmkd.evaluation.invariance import FEWEST
from mlcmkd.plots.style import STYLE
from mlcmkd.stages.tolerant import VARIANCE
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.config import Config

_DPI = 90  # of the pictures stored in notebooks; files on disk are sharper
_LARGE = 100_000  # bytes; a larger picture is stored as JPEG, a little coarser
_PHOTO_DPI = 78
_CHECKED = "_parameters_are_checked"


class Lesson(Config):
    """Parameters that every notebook has."""

    scale: str = Field(
        default="laptop", description="How much is computed: smoke, laptop or gpu, see SCALES."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Device to compute on."
    )
    work: Path = Field(
        default=Path("runs/course"),
        description="Folder of the series, for runs, figures and synthetic faces.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of every run.")

    @field_validator("scale")
    @classmethod
    def _known(cls, name: str) -> str:
        get_scale(name)
        return name

    @property
    def sizes(self) -> Scale:
        """The numbers behind the scale's name."""
        return SCALES[self.scale]

    @property
    def fast(self) -> bool:
        """Whether this is the scale at which nothing learns."""
        return self.scale == "smoke"

    def data(
        self, *, pairs: int | None = None, labelled: int | None = None
    ) -> CachedSyntheticFaces:
        """The series' faces: all pairs or so many of them, all labels or so many of them."""
        return CachedSyntheticFaces(
            pairs=pairs,
            labelled=labelled,
            synthetic_train=self.sizes.synthetic_train,
            synthetic_held=self.sizes.synthetic_held,
            cache=self.work / "faces",
        )

    def pairs(self, split: str) -> Pairs:
        """All pairs of a split, as the networks of this scale read them."""
        return self.data().load(split, self.sizes.input_px)

    def fit(self, steps: int, learning_rate: float | None = None) -> FitConfig:
        """The loop's knobs for a run of so many steps; the loop's own learning rate by default."""
        return FitConfig(
            steps=steps,
            learning_rate=learning_rate or FitConfig().learning_rate,
            batch=self.sizes.batch,
            evaluations=self.sizes.evaluations,
            precision=self.sizes.precision,
            accelerator=self.device,
        )

    def show(self, figure: Figure, name: str) -> None:
        """Displays a figure, and keeps it in the work folder's `figures` as PNG and PDF.

        Args:
            name: file name without suffix, such as "02_curves".
        """
        folder = self.work / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        # What matplotlib makes only when it draws (ticks) follows the style too.
        with matplotlib.rc_context(STYLE):
            figure.savefig(folder / f"{name}.png", dpi=_DPI)
            figure.savefig(folder / f"{name}.pdf", dpi=150)
            picture = (folder / f"{name}.png").read_bytes()
            if len(picture) > _LARGE:  # photos: a third of the size, and no eye sees it
                stored = io.BytesIO()
                options = {"quality": 70, "subsampling": 0}
                figure.savefig(stored, format="jpeg", dpi=_PHOTO_DPI, pil_kwargs=options)
                picture = stored.getvalue()
        display(Image(data=picture, alt=name))

    def say(self, text: str, *, learned: bool = True) -> None:
        """Displays Markdown made of numbers.

        Args:
            learned: the numbers come from training; at scale smoke they mean nothing, and that is
                said.
        """
        if learned and self.fast:
            text += "\n\n*(Scale `smoke`: nothing has learned; numbers only show that it runs.)*"
        display(Markdown(text))


class TransferLesson(Lesson):
    """Parameters of the KTL notebook."""

    strategy: Strategy = Field(
        default="dikd", description="Strategy to compare with no distillation and with FD+LD."
    )
    decay: DecayKind = Field(default="cosine", description="Decay, see Distillation.")
    guide: Guide = Field(default="both", description="Supervision target, see Distillation.")
    labelled: int | None = Field(
        default=None, ge=2, description="Pairs with a label; None for the scale's number."
    )

    @property
    def labels(self) -> int:
        """Number of pairs with a label."""
        return self.sizes.labelled if self.labelled is None else self.labelled

    def distillation(self, strategy: str | None = None) -> Distillation:
        """A strategy, by default the lesson's, with the lesson's decay and guide."""
        return Distillation(strategy=strategy or self.strategy, decay=self.decay, guide=self.guide)


class CompressLesson(TransferLesson):
    """Parameters of the MCL notebook; the same as KTL's, whose student is the teacher here."""


class KDLossLesson(TransferLesson):
    """Parameters of the KD-Loss notebook; KTL's choose the thermal student that is the Tough-Teacher."""

    variance: float = Field(
        default=VARIANCE,
        gt=0,
        le=1,
        description="Share of the shapes' variance that soft landmarks keep.",
    )


class AttributionLesson(TransferLesson):
    """Parameters of the attribution notebook."""

    landmark: int = Field(
        default=30, ge=0, lt=68, description="Index of the landmark; 30 is the nose tip."
    )
    target: Target = Field(
        default="log-probability", description="Scalar output that is explained."
    )
    faces: int = Field(default=4, ge=1, le=8, description="Pairs to show.")
    measured: int = Field(
        default=48, ge=2, description="Most people over whom the agreement is measured."
    )


class InvarianceLesson(TransferLesson):
    """Parameters of the invariance notebook."""

    faces: int = Field(
        default=200,
        ge=FEWEST,
        description="Most pairs to measure, drawn at random; every run logs as many by default.",
    )


L = TypeVar("L", bound=Lesson)


def check_parameters(namespace: dict[str, Any], kind: type[L] = Lesson) -> L:
    """The lesson that a notebook's parameters describe; called right after the parameters cell.

    Papermill only warns of a parameter that a notebook does not have, and runs on without it. Here
    every plain value that stands in the notebook when it starts has to be a parameter.

    Args:
        namespace: the notebook's `globals()`.
        kind: the lesson's model.

    Raises:
        InputError: an unknown parameter, or a value that a parameter cannot have.
    """
    given = {
        name: value
        for name, value in namespace.items()
        if not re.match(r"_|In$|Out$", name)
        and isinstance(value, str | int | float | bool | list | tuple | dict | None)
    }
    if namespace.get(_CHECKED):  # run once more: the notebook's own variables stand there as well
        given = {name: value for name, value in given.items() if name in kind.model_fields}
    lesson = kind.validated("parameters", given)
    namespace[_CHECKED] = True
    return lesson.model_copy(update={"work": lesson.work.resolve()})
