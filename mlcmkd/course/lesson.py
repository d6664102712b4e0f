"""The parameters of a notebook, validated before any computation, and the objects derived from them."""

import io
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import matplotlib
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure
from pydantic import Field, FilePath, field_validator

from mlcmkd.attribution import Target
from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.project import check_scale, work_folder
from mlcmkd.course.scales import SCALES, Scale, get_scale
from mlcmkd.data.dataset import Pairs
from mlcmkd.distillation.decay import DecayKind
from mlcmkd.distillation.strategies import Distillation, Guide, Strategy
from mlcmkd.evaluation.invariance import FEWEST
from mlcmkd.plots.saving import save_figure
from mlcmkd.plots.style import STYLE
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.config import Config, Seed

_DPI = 90  # of the pictures stored in notebooks; PDF files have a higher resolution
_LARGE = 50_000  # bytes; a larger picture is stored as JPEG with a lower resolution
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
        description="Folder of the course, for runs, figures and synthetic faces.",
    )
    seed: Seed = Field(default=0, description="Seed of every run.")

    @field_validator("scale")
    @classmethod
    def _known(cls, name: str) -> str:
        get_scale(name)
        return name

    @property
    def sizes(self) -> Scale:
        """The numbers of the scale."""
        return SCALES[self.scale]

    @property
    def fast(self) -> bool:
        """Whether this is the scale for tests, at which nothing is learned."""
        return self.scale == "smoke"

    def data(
        self, *, pairs: int | None = None, labelled: int | None = None
    ) -> CachedSyntheticFaces:
        """The synthetic faces of the course.

        Args:
            pairs: number of training pairs; None for all.
            labelled: number of labelled training pairs; None for all.
        """
        return CachedSyntheticFaces(
            pairs=pairs,
            labelled=labelled,
            synthetic_train=self.sizes.synthetic_train,
            synthetic_held=self.sizes.synthetic_held,
            cache=self.work / "faces",
        )

    def pairs(self, split: str) -> Pairs:
        """All pairs of a split, in the input size of this scale."""
        return self.data().load(split, self.sizes.input_px)

    def fit(self, steps: int, learning_rate: float) -> FitConfig:
        """Training hyperparameters."""
        return FitConfig(
            steps=steps,
            learning_rate=learning_rate,
            optimizer=self.sizes.optimizer,
            batch=self.sizes.batch,
            evaluations=self.sizes.evaluations,
            precision=self.sizes.precision,
            accelerator=self.device,
        )

    def show(self, figure: Figure, name: str) -> None:
        """Displays a figure, and saves it in the folder `figures` of the work folder as PNG and PDF.

        Args:
            name: file name without suffix, such as "02_curves".
        """
        folder = self.work / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        # Elements that matplotlib creates while drawing, such as ticks, also need the style.
        with matplotlib.rc_context(STYLE):
            save_figure(figure, folder / f"{name}.png", dpi=_DPI)
            picture = (folder / f"{name}.png").read_bytes()
            if len(picture) > _LARGE:  # photos: a third of the size without a visible difference
                # With a layout of its own: at a lower resolution letters are relatively larger.
                stored = io.BytesIO()
                options = {"quality": 58, "subsampling": 0}
                figure.savefig(stored, format="jpeg", dpi=_PHOTO_DPI, pil_kwargs=options)
                picture = stored.getvalue()
            figure.set_layout_engine("none")  # otherwise savefig draws twice
            save_figure(figure, folder / f"{name}.pdf", dpi=150)
        display(Image(data=picture, alt=name))

    def show_text(self, text: str, *, learned: bool = True) -> None:
        """Displays Markdown that contains computed numbers.

        Args:
            learned: the numbers are results of training; at scale smoke a note says that they have
                no meaning.
        """
        if learned and self.fast:
            text += (
                "\n\n*(Scale `smoke`: the models are untrained; these numbers have no meaning.)*"
            )
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
        """Number of labelled pairs."""
        return self.sizes.labelled if self.labelled is None else self.labelled

    def distillation(self, strategy: str | None = None) -> Distillation:
        """A strategy, by default the lesson's, with the lesson's decay and guide."""
        return Distillation(strategy=strategy or self.strategy, decay=self.decay, guide=self.guide)


class CompressLesson(TransferLesson):
    """Parameters of the MCL notebook: those of the KTL student, which is the teacher here."""


# Share of the variance that soft landmarks keep in the course. More than the stage's 0.9: synthetic
# heads turn by up to 80 degrees, and 0.9 of their variance is hardly more than turning and nodding.
VARIANCE = 0.97


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


class ResultsLesson(TransferLesson):
    """Parameters of the last notebook."""

    frame: FilePath | None = Field(
        default=None, description="An image of your own to predict; None for a rendered frame."
    )


# The lesson classes by name, for `course.notebook_run`.
LESSONS: dict[str, type[Lesson]] = {
    cls.__name__: cls
    for cls in (
        Lesson,
        TransferLesson,
        CompressLesson,
        KDLossLesson,
        AttributionLesson,
        InvarianceLesson,
        ResultsLesson,
    )
}

L = TypeVar("L", bound=Lesson)


def validated_parameters(namespace: dict[str, Any], kind: type[L]) -> L:
    """The parameters among the variables of a notebook, see `check_parameters`.

    Raises:
        InputError: a parameter is unknown or has an invalid value.
    """
    given = {
        name: value
        for name, value in namespace.items()
        if not re.match(r"_|In$|Out$", name)
        and isinstance(value, str | int | float | bool | list | tuple | dict | None)
    }
    if namespace.get(_CHECKED):  # a second run: the notebook's variables exist as well
        given = {name: value for name, value in given.items() if name in kind.model_fields}
    return kind.validated("parameters", given)


def check_parameters(namespace: dict[str, Any], kind: type[L] = Lesson) -> L:
    """Validates the parameters of a notebook; called right after the parameters cell.

    Papermill only warns about an unknown parameter and continues. Here every plain value in the
    notebook's namespace at its start has to be a parameter.

    Args:
        namespace: the notebook's `globals()`.
        kind: the config class of the lesson.

    Raises:
        InputError: a parameter is unknown or has an invalid value, or the work folder contains
            networks of another scale.
    """
    lesson = validated_parameters(namespace, kind)
    given = "work" in lesson.model_fields_set
    work = work_folder(lesson.work if given else None, lesson.scale)
    check_scale(work, lesson.scale)
    namespace[_CHECKED] = True
    return lesson.model_copy(update={"work": work})
