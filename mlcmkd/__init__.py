"""Cross-modal knowledge distillation for facial landmarks in thermal images.

The names of `__all__` are the public interface:

    import mlcmkd

    face = mlcmkd.Predictor()("face.png")  # the bundled thermal model
    mlcmkd.train(mlcmkd.TrainConfig(out="runs/teacher"))  # an RGB teacher, on synthetic faces

Each name is imported at its first use (PEP 562), so `import mlcmkd` loads neither torch nor OpenCV.
"""

from typing import TYPE_CHECKING

from mlcmkd.utils.lazy import lazy_names
from mlcmkd.utils.threads import sleep_soon

if TYPE_CHECKING:
    from mlcmkd.data.config import DataConfig
    from mlcmkd.data.dataset import Pairs
    from mlcmkd.data.pairs import load_pairs
    from mlcmkd.data.transforms import Augmentation
    from mlcmkd.deployment.predictor import Predictor
    from mlcmkd.deployment.temperatures import landmark_temperatures, region_temperatures
    from mlcmkd.deployment.weights import bundled_weights
    from mlcmkd.distillation.mlcm_kd import KTL, MCL
    from mlcmkd.distillation.objective import Objective
    from mlcmkd.distillation.strategies import Distillation
    from mlcmkd.distillation.teachers import FrozenTeacher
    from mlcmkd.distillation.terms import DistillationTerm
    from mlcmkd.distillation.two_teachers import TwoTeachers
    from mlcmkd.models import SIZES, Landmarker, ModelSpec, Size, register_backbone
    from mlcmkd.schemes import SCHEMES, Scheme, register_scheme
    from mlcmkd.stages.calibrate import CalibrateConfig, calibrate
    from mlcmkd.stages.common import StageConfig
    from mlcmkd.stages.compress import CompressConfig, compress
    from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
    from mlcmkd.stages.export import ExportConfig, export
    from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
    from mlcmkd.stages.objective import train_objective
    from mlcmkd.stages.predict import predict_files
    from mlcmkd.stages.train import TrainConfig, train
    from mlcmkd.stages.transfer import TransferConfig, transfer
    from mlcmkd.studies.report import write_report
    from mlcmkd.training.config import FitConfig
    from mlcmkd.utils.errors import InputError

__version__ = "0.1.0"  # of the package, too: pyproject.toml reads it

__all__ = [
    "KTL",
    "MCL",
    "SCHEMES",
    "SIZES",
    "Augmentation",
    "CalibrateConfig",
    "CompressConfig",
    "DataConfig",
    "Distillation",
    "DistillationTerm",
    "EvaluateConfig",
    "ExportConfig",
    "FitConfig",
    "FrozenTeacher",
    "InputError",
    "KDLossConfig",
    "Landmarker",
    "ModelSpec",
    "Objective",
    "Pairs",
    "Predictor",
    "Scheme",
    "Size",
    "StageConfig",
    "TrainConfig",
    "TransferConfig",
    "TwoTeachers",
    "bundled_weights",
    "calibrate",
    "compress",
    "evaluate",
    "export",
    "landmark_temperatures",
    "load_pairs",
    "predict_files",
    "region_temperatures",
    "register_backbone",
    "register_scheme",
    "train",
    "train_kd_loss",
    "train_objective",
    "transfer",
    "write_report",
]

# Module -> its public names. The imports under TYPE_CHECKING say the same to editors and type checkers;
# tests/test_public_api.py compares the two and `__all__`.
_NAMES_OF = {
    "mlcmkd.data.config": ("DataConfig",),
    "mlcmkd.data.dataset": ("Pairs",),
    "mlcmkd.data.pairs": ("load_pairs",),
    "mlcmkd.data.transforms": ("Augmentation",),
    "mlcmkd.deployment.predictor": ("Predictor",),
    "mlcmkd.deployment.temperatures": ("landmark_temperatures", "region_temperatures"),
    "mlcmkd.deployment.weights": ("bundled_weights",),
    "mlcmkd.distillation.mlcm_kd": ("KTL", "MCL"),
    "mlcmkd.distillation.objective": ("Objective",),
    "mlcmkd.distillation.strategies": ("Distillation",),
    "mlcmkd.distillation.teachers": ("FrozenTeacher",),
    "mlcmkd.distillation.terms": ("DistillationTerm",),
    "mlcmkd.distillation.two_teachers": ("TwoTeachers",),
    "mlcmkd.models": ("SIZES", "Landmarker", "ModelSpec", "Size", "register_backbone"),
    "mlcmkd.schemes": ("SCHEMES", "Scheme", "register_scheme"),
    "mlcmkd.stages.calibrate": ("CalibrateConfig", "calibrate"),
    "mlcmkd.stages.common": ("StageConfig",),
    "mlcmkd.stages.compress": ("CompressConfig", "compress"),
    "mlcmkd.stages.evaluate": ("EvaluateConfig", "evaluate"),
    "mlcmkd.stages.export": ("ExportConfig", "export"),
    "mlcmkd.stages.kd_loss": ("KDLossConfig", "train_kd_loss"),
    "mlcmkd.stages.objective": ("train_objective",),
    "mlcmkd.stages.predict": ("predict_files",),
    "mlcmkd.stages.train": ("TrainConfig", "train"),
    "mlcmkd.stages.transfer": ("TransferConfig", "transfer"),
    "mlcmkd.studies.report": ("write_report",),
    "mlcmkd.training.config": ("FitConfig",),
    "mlcmkd.utils.errors": ("InputError",),
}

sleep_soon()  # before any module imports torch

if not TYPE_CHECKING:  # a type checker would accept every name of a module with __getattr__
    __getattr__, __dir__ = lazy_names(__name__, _NAMES_OF)
