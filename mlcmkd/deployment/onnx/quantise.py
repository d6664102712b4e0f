"""Quantisation of exported networks to 8-bit integers.

Files have a quarter of the size, and are faster on CPUs with VNNI (vector neural network instructions).
It is the static quantisation of ONNX Runtime: the range of every activation is measured once on
calibration faces and stored in the file. Convolutions and the last linear layer multiply integers, with
one scale per output channel, and outputs of convolutions are rounded. Radiometry, crop, normalisation,
resizing, soft-argmax and the sums of the last linear layer stay in float32, because rounding there would
shift the landmarks and save little time.

The choices are ours; docs/contributing/decisions.md lists the measurements.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from mlcmkd.data.dataset import Pairs
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.export import quiet
from mlcmkd.deployment.onnx.files import check_export, write_onnx
from mlcmkd.deployment.onnx.pairs import input_feeds
from mlcmkd.utils.errors import InputError

CALIBRATION_FACES = 100
# Percent of an activation's values inside its range; the other values are clipped. A range that contains
# all values (min-max) would have larger rounding errors.
PERCENTILE = 99.99
# ReLU is in the list so that a convolution rounds once, over the range after its ReLU.
_LAYERS = ["Conv", "Gemm", "Relu"]
_BATCH = 8  # small, because all activations of a batch are in memory


class _CalibrationFaces(CalibrationDataReader):
    """Returns the calibration faces batch by batch, so that memory does not grow with their number."""

    def __init__(self, card: Card, pairs: Pairs):
        self._batches = list(input_feeds(card, pairs, _BATCH))
        self._next = self._end = 0

    def __len__(self) -> int:
        return len(self._batches)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._next, self._end = start_index, end_index

    def get_next(self) -> dict[str, np.ndarray] | None:
        if self._next == self._end:
            return None
        self._next += 1
        return self._batches[self._next - 1]


def evenly_spaced(pairs: Pairs, faces: int) -> Pairs:
    """A subset of `faces` pairs at equal distances in their order; all pairs if there are fewer."""
    count = min(faces, len(pairs))
    return pairs.subset(np.linspace(0, len(pairs) - 1, count).round().astype(int))


def quantise(
    source: Path | str, path: Path | str, pairs: Pairs, *, faces: int = CALIBRATION_FACES
) -> Card:
    """Writes an exported network with 8-bit integers.

    Weights use 7 of the 8 bits: x86 CPUs without VNNI add pairs of 8-bit products in 16 bits, which
    overflow without an error if the weights use all bits.

    Args:
        source: a float32 file of `export_onnx`, of either kind.
        path: path of the new file.
        pairs: faces for the calibration; never those of a test set.
        faces: number of faces that are used, at least 1.

    Returns:
        the metadata of the new file.

    Raises:
        InputError: a source that is not an export or is already quantised, pairs that do not fit it, or
            `faces` below 1.
    """
    card = check_export(source)
    if card.precision != "float32":
        raise InputError(f"{source}: already quantised; give the float32 file")
    if faces < 1:
        raise InputError(f"{faces} calibration faces; give at least 1")
    chosen = evenly_spaced(pairs, faces)
    with TemporaryDirectory() as folder, quiet():
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        # Symbolic shape inference fails on graphs with data-dependent sizes, such as the crop's.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantised,
            _CalibrationFaces(card, chosen),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_LAYERS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                "CalibStridedMinMax": 1,
                "OpTypesToExcludeOutputQuantization": ["Gemm"],
            },
        )
        model = onnx.load(quantised)
    card = card.model_copy(
        update={
            "precision": "int8",
            "calibration": f"{len(chosen)} faces, {PERCENTILE:g} % of every activation",
        }
    )
    write_onnx(model, card, path)
    return card
