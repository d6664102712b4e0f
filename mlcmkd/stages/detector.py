"""The stage `train-detector`: a face detector, trained on rendered frames only."""

from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from mlcmkd.data.frames import Frames, make_frame_batch, pad_frames
from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Augmentation
from mlcmkd.deployment.face_maps import FoundFace, find_faces
from mlcmkd.evaluation.detection import Matches, match_faces, true_faces
from mlcmkd.models import SIZE_NAMES, SizeName
from mlcmkd.models.face_detector import DetectorSpec, FaceDetector
from mlcmkd.stages.common import alone_in_process
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.training import checkpoint
from mlcmkd.training.config import FitConfig
from mlcmkd.training.detection import DetectionObjective
from mlcmkd.training.fabric import entered_by_all, join
from mlcmkd.training.loop import fit
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run, lock_run
from mlcmkd.utils.config import Config, Seed

_LOWEST_SCORE = 0.05  # faces with a lower score do not count in the average precision
_BATCH = 16  # frames per forward pass of the evaluation


class DetectorConfig(Config):
    """Training of a face detector on rendered frames."""

    out: Path = Field(description="Run directory to write.")
    modality: Modality = Field(default="thermal", description="Modality of the frames.")
    size: SizeName = Field(default="slim", description=f"Size of the network: {SIZE_NAMES}.")
    input_px: int = Field(
        default=192, ge=64, le=640, multiple_of=32, description="Longer side of the input, pixels."
    )
    frames: int = Field(default=10_000, ge=2, description="Rendered training frames.")
    validation_frames: int = Field(default=400, ge=1, description="Rendered validation frames.")
    fit: FitConfig = Field(
        default=FitConfig(steps=9000, batch=16, learning_rate=4e-3),
        description="Hyperparameters of the training loop.",
    )
    augmentation: Augmentation = Field(
        default=Augmentation(
            rotation=8, scale=0.3, shift=0.12, photometry=0.5, occlusion=0, agc=0.6
        ),
        description="Augmentation of the training frames; its occlusion is ignored.",
    )
    seed: Seed = Field(
        default=0, description="Seed of the weights, the frames, their order and the augmentation."
    )


def rendered_frames(config: DetectorConfig, split: str, *, progress: bool) -> Frames:
    """The rendered frames of a split: "train", "val" or "test"."""
    count = config.frames if split == "train" else config.validation_frames
    frames = make_frames(
        count,
        seed=config.seed,
        size=(config.input_px * 3 // 4, config.input_px),
        first=FIRST_IDENTITY[split],
        progress=progress,
        rgb=config.modality == "rgb",
    )
    return Frames.of(frames, config.modality)


@alone_in_process
def train_detector(config: DetectorConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a face detector on rendered frames.

    Args:
        config: validated parameters.
        progress: show progress bars.

    Returns:
        The run's result: average precision on validation frames, and where the weights are.

    Raises:
        InputError: `config.out` cannot be used, or the loss is not finite.
    """
    training = rendered_frames(config, "train", progress=progress)
    validation = rendered_frames(config, "val", progress=progress)
    torch.manual_seed(config.seed)
    spec = DetectorSpec(
        size=config.size,
        input_px=config.input_px,
        modality=config.modality,
        radiometry=training.radiometry if config.modality == "thermal" else None,
    )
    detector = FaceDetector(spec)
    fabric = join(config.fit)
    with entered_by_all(fabric, lock_run(config.out)):
        run = Run(config.out, "detector", config, seed=config.seed)
        run.note(data=data_hash(training), frames=len(training))
        fit(
            DetectionObjective(detector),
            training,
            config.fit,
            run,
            augmentation=config.augmentation,
            seed=config.seed,
            validate=lambda: 1 - evaluate_detector(detector, validation).average_precision,
            fabric=fabric,
            progress=progress,
            make_batch=make_frame_batch,
            measure="val_missed",
        )
        if run.writes:
            detector.save(run.weights)
            checkpoint.remove(run.path)
        matches = evaluate_detector(detector, validation)
        result = run.finish(
            split="val",
            modality=config.modality,
            parameters=detector.parameter_count(),
            weights=str(run.weights),
            frames=matches.frames,
            faces=matches.faces,
            average_precision=matches.average_precision,
        )
        fabric.barrier()  # later code may read the weights that the first process has written
    return result


def evaluate_detector(detector: FaceDetector, frames: Frames) -> Matches:
    """Finds faces in frames and matches them with the true faces.

    Args:
        detector: the network, on any device; its mode (training or evaluation) is restored.
        frames: frames of the detector's modality, with boxes.
    """
    found: list[list[FoundFace]] = []
    device = next(detector.parameters()).device
    was_training = detector.training
    detector.eval()
    with torch.inference_mode():
        for start in range(0, len(frames), _BATCH):
            maps = detector(_inputs(frames, start).to(device))
            for centres, boxes in zip(
                maps.centres.sigmoid().cpu().numpy(), maps.boxes.cpu().numpy(), strict=True
            ):
                found.append(find_faces(centres, boxes, _LOWEST_SCORE))
    detector.train(was_training)
    return match_faces(found, true_faces(frames))


def _inputs(frames: Frames, start: int) -> torch.Tensor:
    """Network inputs of some frames, as prediction makes them."""
    rows = slice(start, start + _BATCH)
    if frames.rgb is not None:
        return pad_frames(frames.rgb[rows].float() / 255)
    span = frames.radiometry
    return pad_frames(((frames.thermal[rows] - span.low) / (span.high - span.low)).clamp(0, 1))
