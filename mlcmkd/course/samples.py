"""Networks, faces and measurements that several lessons share; each lesson makes them by one call."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlcmkd.attribution import Agreement, agreement, integrated_gradients_per_landmark
from mlcmkd.course.lesson import AttributionLesson, InvarianceLesson, TransferLesson
from mlcmkd.course.lesson_runs import light_student_run, student_run, teacher_run
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, Batch, make_batch
from mlcmkd.evaluation.invariance import Invariance, measure_invariance, modality_features
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.progress import tqdm


def one_per_person(pairs: Pairs, count: int) -> tuple[Batch, list[str]]:
    """The first pair of each person, without augmentation.

    Args:
        count: most people.

    Returns:
        the batch, and the subject of each of its pairs.
    """
    first = np.sort(np.unique(pairs.subjects, return_index=True)[1])[:count]
    batch = make_batch(pairs, torch.from_numpy(first), NO_AUGMENTATION, torch.Generator())
    return batch, [pairs.subjects[number] for number in first]


def input_of(model: Landmarker, batch: Batch) -> Tensor:
    """The images of a batch in the modality of a model, (B, C, P, P)."""
    return batch.rgb if model.spec.modality == "rgb" else batch.thermal


def attribution_models(lesson: TransferLesson) -> dict[str, Landmarker]:
    """The networks of the lessons on attribution by name; missing ones are trained.

    "RGB teacher"; "none", the thermal student that was trained only on labels; the student of the
    lesson's strategy; and the light student of the latter.
    """
    runs = {
        "RGB teacher": teacher_run(lesson),
        "none": student_run(lesson, "none"),
        lesson.strategy: student_run(lesson),
        f"light, {lesson.strategy}": light_student_run(lesson),
    }
    return {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}


@dataclass(frozen=True)
class MapAgreement:
    """Attribution maps of several networks on the same faces, compared with those of the RGB teacher.

    Attributes:
        batch: N test faces, one per person.
        steps: of integrated gradients.
        maps: network -> (N, outputs, P, P); "start" is the RGB teacher with thermal input.
        agreements: (output, network) -> agreement with the RGB teacher's maps.
    """

    batch: Batch
    steps: int
    maps: dict[str, Tensor]
    agreements: dict[tuple[str, str], Agreement]


def measure_agreement(lesson: AttributionLesson, models: dict[str, Landmarker]) -> MapAgreement:
    """Agreement of RGB and thermal maps, over many people of the test split.

    Three outputs are explained: the lesson's landmark, the eyes and the mouth.

    Args:
        models: of `attribution_models`.
    """
    batch, people = one_per_person(lesson.pairs("test"), 4 if lesson.fast else lesson.measured)
    outputs = {f"landmark {lesson.landmark}": lesson.landmark, "eyes": "eye", "mouth": "mouth"}
    steps = 4 if lesson.fast else 16
    teacher = models["RGB teacher"]
    inputs = {name: (model, input_of(model, batch)) for name, model in models.items()}
    inputs["start"] = (teacher, batch.thermal)
    maps = {
        name: integrated_gradients_per_landmark(
            model, images, list(outputs.values()), target=lesson.target, steps=steps
        )
        for name, (model, images) in tqdm(inputs.items(), desc="attributing", unit="model")
    }
    thermal = ["start", *(name for name in models if name != "RGB teacher")]
    agreements = {
        (output, name): agreement(maps["RGB teacher"][:, number], maps[name][:, number], people)
        for number, output in enumerate(outputs)
        for name in thermal
    }
    return MapAgreement(batch, steps, maps, agreements)


@dataclass(frozen=True)
class InvarianceSample:
    """Students, their features and their measures of invariance on the same validation pairs.

    Attributes:
        runs: name -> run directory of a student.
        teacher: RGB model.
        students: name -> thermal model; "start" is the teacher itself, with thermal input.
        pairs: N validation pairs.
        rgb_features: the teacher's features of the RGB images, (N, C, H, W).
        thermal_features: student -> its features of the thermal images, (N, C, H, W).
        measures: student -> measures of invariance.
    """

    runs: dict[str, Path]
    teacher: Landmarker
    students: dict[str, Landmarker]
    pairs: Pairs
    rgb_features: Tensor
    thermal_features: dict[str, Tensor]
    measures: dict[str, Invariance]


def invariance_sample(lesson: InvarianceLesson) -> InvarianceSample:
    """What the lessons on invariance measure: no teacher ("none"), FD+LD, and the lesson's strategy."""
    teacher = Landmarker.load(teacher_run(lesson) / WEIGHTS)
    names = dict.fromkeys(["none", "fd+ld", lesson.strategy])
    runs = {name: student_run(lesson, name) for name in names}
    loaded = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
    students = {"start": teacher, **loaded}
    pairs = lesson.pairs("val")
    # With 200 faces, the same ones that every run logs.
    chosen = np.random.default_rng(0).permutation(len(pairs))[: lesson.faces]
    pairs = pairs.subset(np.sort(chosen))
    return InvarianceSample(
        runs=runs,
        teacher=teacher,
        students=students,
        pairs=pairs,
        rgb_features=modality_features(teacher, pairs, "rgb"),
        thermal_features={n: modality_features(s, pairs, "thermal") for n, s in students.items()},
        measures={
            n: measure_invariance(teacher, s, pairs, faces=None) for n, s in students.items()
        },
    )
