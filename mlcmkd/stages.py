"""The stages of the path: train, transfer, compress, evaluate.

Each is a function of one validated config that writes one run directory and returns its result.
Notebook, command line and tests call the same functions.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from torch import nn
from tqdm.auto import tqdm

from mlcmkd import checkpoint
from mlcmkd.distillation.ktl import KTL
from mlcmkd.distillation.mcl import MCL
from mlcmkd.distillation.objective import TaskObjective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.errors import InputError
from mlcmkd.evaluate import Scores, evaluate_model
from mlcmkd.fit import FitConfig, fit
from mlcmkd.invariance import FEWEST, measure_invariance
from mlcmkd.metrics import NORMALISERS, Normaliser
from mlcmkd.models import Landmarker, ModelSpec, SizeName
from mlcmkd.pairs import Pairs, load_pairs
from mlcmkd.reports import write_scores
from mlcmkd.rows import MANIFEST
from mlcmkd.runs import Run, data_hash, manifest_stamp
from mlcmkd.transforms import Augmentation

Modality = Literal["rgb", "thermal"]


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Config):
    """Which pairs.

    Attributes:
        source: a manifest's folder, or "synthetic" for the embedded faces.
        pairs: how many training pairs are used, drawn by the run's seed; None for all.
        labelled: how many of those keep their label; None for all.
        misalignment: how far the RGB side of every training pair is shifted, pixels of the network's
            input; for studies of what a badly registered rig costs.
        synthetic_train, synthetic_held: how many synthetic faces train, and how many are in each
            of the validation and test splits.
        synthetic_seed: which synthetic faces.
    """

    source: str = "synthetic"
    pairs: int | None = Field(default=None, ge=2)
    labelled: int | None = Field(default=None, ge=0)
    misalignment: float = Field(default=0, ge=0, le=32)
    synthetic_train: int = Field(default=2000, ge=2)
    synthetic_held: int = Field(default=400, ge=2)
    synthetic_seed: int = Field(default=0, ge=0)

    def load(self, split: str, input_px: int, *, progress: bool = True) -> Pairs:
        """All pairs of a split."""
        count = self.synthetic_train if split == "train" else self.synthetic_held
        manifest = Path(self.source) / MANIFEST
        stamp = manifest.stat().st_mtime_ns if manifest.is_file() else 0
        return _kept(self.source, split, input_px, count, self.synthetic_seed, stamp, progress)

    def load_training(self, input_px: int, seed: int, *, progress: bool = True) -> Pairs:
        """The training pairs that the run may use, labels taken away where asked."""
        pairs = self.load("train", input_px, progress=progress)
        if self.pairs is not None:
            if self.pairs > len(pairs):
                raise InputError(f"{self.pairs} pairs were asked for, {len(pairs)} are there")
            pairs = pairs.subset(np.random.default_rng(seed).permutation(len(pairs))[: self.pairs])
        if self.labelled is not None:
            pairs = pairs.with_labels(self.labelled, seed)
        return pairs.misaligned(self.misalignment, seed)


@lru_cache(maxsize=8)
def _kept(
    source: str, split: str, px: int, count: int, seed: int, stamp: int, progress: bool
) -> Pairs:
    """Keeps pairs for the next run of this process, as long as the manifest is of one `stamp`."""
    return load_pairs(source, split, px, count=count, seed=seed, progress=progress)


class StageConfig(_Config):
    """What every training stage is told.

    Attributes:
        out: run directory.
        data: which pairs.
        fit: the loop's knobs.
        augmentation: how strongly pairs are moved and disturbed.
        seed: of the weights, the drawn pairs, the shuffling and the augmentation.
    """

    out: Path
    data: DataConfig = DataConfig()
    fit: FitConfig = FitConfig()
    augmentation: Augmentation = Augmentation()
    seed: int = Field(default=0, ge=0)


class TrainConfig(StageConfig):
    """Plain training: the RGB teacher, or a thermal baseline.

    Attributes:
        modality: which side is read.
        size, head, input_px, normalisation: the model, see ModelSpec.
        pretrained: start the backbone from ImageNet weights (downloaded; fails clearly offline).
        init: weights to start from instead, of the same model; of another scheme if it holds all
            points of the data's.
    """

    modality: Modality = "rgb"
    size: SizeName = "base"
    head: Literal["heatmap", "coordinate"] = "heatmap"
    input_px: int = 96
    normalisation: Literal["fixed", "image"] = "image"
    pretrained: bool = False
    init: Path | None = None


class TransferConfig(StageConfig):
    """KTL: RGB teacher to a thermal student of the same size.

    Attributes:
        teacher: its weights.
        distillation: strategy, decay and guide.
        init: "teacher" starts the student from the teacher's weights, "fresh" from random ones.
    """

    teacher: Path
    distillation: Distillation = Distillation()
    init: Literal["fresh", "teacher"] = "teacher"


class CompressConfig(StageConfig):
    """MCL: thermal teacher to a light thermal student.

    Attributes:
        teacher: its weights, usually a KTL student's.
        size: of the student.
        head: of the student, "heatmap" or "coordinate"; None for one like its teacher's.
        distillation: strategy, decay and guide.
        one_step: lets an RGB teacher teach the light thermal student directly, without a thermal
            teacher in between: the control that the two levels answer.
    """

    teacher: Path
    size: SizeName = "slim"
    head: Literal["heatmap", "coordinate"] | None = None
    distillation: Distillation = Distillation()
    one_step: bool = False

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # As in FitConfig: runs from before `head` existed keep the hash that they are known by.
        return {k: v for k, v in write(self).items() if k != "head" or v is not None}


class EvaluateConfig(_Config):
    """Scores of weights on a split.

    Attributes:
        out: run directory.
        weights: a Landmarker.
        data, split: which pairs.
        modality: which side is read; None for the one the weights were trained on.
        normaliser: what distances are divided by.
        threshold: of FR and AUC, a share: 0.08 is 8 %.
        visible_only: leave points out that the data set says are hidden.
    """

    out: Path
    weights: Path
    data: DataConfig = DataConfig()
    split: Literal["train", "val", "test"] = "test"
    modality: Modality | None = None
    normaliser: Normaliser = "inter-ocular"
    threshold: float = Field(default=0.08, gt=0, lt=1)
    visible_only: bool = False


def fit_and_save(
    objective: nn.Module,
    student: Landmarker,
    pairs: Pairs,
    config: StageConfig,
    run: Run,
    *,
    distillation: Distillation | None,
    progress: bool,
    rgb_teacher: Landmarker | None = None,
) -> dict[str, Any]:
    """The shared end of the three training stages.

    Where the teacher reads RGB, how much its features and the student's are alike is logged as well.
    """
    modality = student.spec.modality
    held = config.data.load("val", student.spec.input_px, progress=progress)
    run.note(
        data=data_hash(pairs),
        manifest=manifest_stamp(config.data.source),
        pairs=len(pairs),
        labelled=int(pairs.labelled.sum()),
    )

    def validate() -> float:
        return evaluate_model(student, held, modality).nme

    try:
        fabric = fit(
            objective,
            pairs,
            config.fit,
            run,
            augmentation=config.augmentation,
            seed=config.seed,
            validate=validate,
            observe=_invariance(rgb_teacher, student, held) if rgb_teacher else None,
            distillation=distillation,
            progress=progress,
        )
    except KeyboardInterrupt:
        tqdm.write(
            f"{run.path}: stopped; the same command goes on from the state that was kept last"
        )
        raise
    if run.writes:
        student.save(run.weights)
        checkpoint.remove(run.path)
    scores = evaluate_model(student, held, modality)
    run.errors(scores.rows())
    result = run.finish(
        split="val",
        modality=modality,
        parameters=student.parameter_count(),
        weights=str(run.weights),
        **scores.summary(),
    )
    fabric.barrier()  # what comes next may read the weights that the first process wrote
    return result


def train(config: TrainConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a Landmarker on one modality.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: data or weights that cannot be used.
    """
    pairs = config.data.load_training(config.input_px, config.seed, progress=progress)
    return train_on(pairs, config, progress=progress)


def train_on(pairs: Pairs, config: TrainConfig, *, progress: bool = True) -> dict[str, Any]:
    """As `train`, on pairs whose landmarks may have been exchanged for others."""
    pairs.require(config.modality, "training")
    pairs = only_labelled(pairs)
    spec = spec_of(config, pairs)
    torch.manual_seed(config.seed)
    student = Landmarker(spec, pretrained=config.pretrained)
    if config.init is not None:
        _start_from(student, Landmarker.load(config.init).for_scheme(pairs.scheme))
    run = Run(config.out, "train", config)
    objective = TaskObjective(student, config.modality)
    return fit_and_save(
        objective, student, pairs, config, run, distillation=None, progress=progress
    )


def spec_of(config: Any, pairs: Pairs) -> ModelSpec:
    """The model that a config with `size`, `head`, `input_px`, `normalisation`, `modality` asks for."""
    return ModelSpec(
        size=config.size,
        head=config.head,
        scheme=pairs.scheme,
        input_px=config.input_px,
        normalisation=config.normalisation,
        modality=config.modality,
        radiometry=pairs.radiometry if config.modality == "thermal" else None,
    )


def transfer(config: TransferConfig, *, progress: bool = True) -> dict[str, Any]:
    """KTL: hands the RGB teacher's knowledge to a thermal student of its size."""
    teacher = Landmarker.load(config.teacher)
    if teacher.spec.modality != "rgb":
        raise InputError(
            f"{config.teacher}: reads thermal images; the transfer starts from the RGB teacher of "
            "`train`"
        )
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=progress)
    teacher = _answering(teacher, pairs)
    pairs.require("rgb", "knowledge transfer")
    pairs.require("thermal", "knowledge transfer")
    torch.manual_seed(config.seed)
    student = Landmarker(_thermal(teacher.spec, pairs))
    if config.init == "teacher":
        _start_from(student, teacher)
    run = Run(config.out, "transfer", config)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    objective = KTL(teacher, student, distillation.resolved(), distillation.guide)
    return fit_and_save(
        objective,
        student,
        pairs,
        config,
        run,
        distillation=distillation,
        progress=progress,
        rgb_teacher=teacher,
    )


def compress(config: CompressConfig, *, progress: bool = True) -> dict[str, Any]:
    """MCL: hands the thermal teacher's knowledge, or in one step the RGB one's, to a light student."""
    teacher = Landmarker.load(config.teacher)
    reads: Modality = "rgb" if config.one_step else "thermal"
    if teacher.spec.modality != reads:
        raise InputError(
            f"{config.teacher}: reads thermal images; one step starts from the RGB teacher of `train`"
            if config.one_step
            else f"{config.teacher}: reads RGB; compress the thermal student of `transfer`"
        )
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=progress)
    teacher = _answering(teacher, pairs)
    pairs.require("thermal", "compression")
    if config.one_step:
        pairs.require("rgb", "transfer in one step")
    torch.manual_seed(config.seed)
    own = {"size": config.size, "head": config.head or teacher.spec.head}
    student = Landmarker(_thermal(teacher.spec, pairs).model_copy(update=own))
    run = Run(config.out, "compress", config)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    objective = MCL(
        teacher,
        student,
        distillation.resolved(),
        distillation.guide,
        teacher_modality=reads,
    )
    return fit_and_save(
        objective, student, pairs, config, run, distillation=distillation, progress=progress
    )


def evaluate(config: EvaluateConfig, *, progress: bool = True) -> tuple[dict[str, Any], Scores]:
    """Scores weights on a split; writes the tables of `reports` and result.json.

    Returns:
        what result.json holds, and the scores.
    """
    model = Landmarker.load(config.weights)
    modality = config.modality or model.spec.modality
    pairs = config.data.load(config.split, model.spec.input_px, progress=progress)
    run = Run(config.out, "evaluate", config)
    run.note(data=data_hash(pairs))
    if config.visible_only and pairs.visible is None:
        raise InputError(f"{config.data.source}: no row says which points are hidden")
    scores = evaluate_model(
        model,
        pairs,
        modality,
        config.normaliser,
        config.threshold,
        visible_only=config.visible_only,
        progress=progress,
    )
    write_scores(run, scores)
    result = run.finish(
        split=config.split,
        modality=modality,
        parameters=model.parameter_count(),
        weights=str(config.weights),
        normaliser_is=NORMALISERS[config.normaliser],
        **scores.summary(),
    )
    return result, scores


def _invariance(
    teacher: Landmarker, student: Landmarker, held: Pairs
) -> Callable[[], dict[str, float]] | None:
    """What `fit` logs beside the NME; None where the held-out pairs are too few to say anything."""
    paired = held.rgb is not None and held.thermal is not None
    if not paired or int(held.labelled.sum()) < FEWEST or len(set(held.subjects)) < 2:
        return None
    return lambda: measure_invariance(teacher, student, held).summary()


def _answering(teacher: Landmarker, pairs: Pairs) -> Landmarker:
    """The teacher as it answers in the pairs' scheme.

    Raises:
        InputError: some of the scheme's points are none of the teacher's.
    """
    return teacher if teacher.spec.scheme == pairs.scheme else teacher.for_scheme(pairs.scheme)


def _thermal(spec: ModelSpec, pairs: Pairs) -> ModelSpec:
    """The same model, reading the pairs' thermal images."""
    return spec.model_copy(update={"modality": "thermal", "radiometry": pairs.radiometry})


def only_labelled(pairs: Pairs) -> Pairs:
    """What a student without a teacher learns from.

    Nobody answers for rows without a label, and batches half empty would be an unfair rival.
    """
    if not pairs.labelled.any():
        raise InputError("no pair has a label, and training without a teacher has nothing else")
    return pairs.only_labelled()


def _start_from(student: Landmarker, other: Landmarker) -> None:
    """Copies the weights of a Landmarker of the same shape."""
    try:
        student.load_state_dict(other.state_dict())
    except RuntimeError:
        raise InputError(
            f"cannot start a {student.spec.size} model from a {other.spec.size} one: their "
            "weights differ in shape"
        ) from None
