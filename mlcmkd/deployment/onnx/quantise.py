"""An exported network in 8-bit integers: a quarter of the file, and faster where the CPU has VNNI.

Static quantisation by ONNX Runtime: the range of every activation is measured once, on real faces,
and is part of the file. Convolutions and the last linear layer multiply integers, with one scale an
output channel, and what a convolution answers is rounded. Coordinates are not: radiometry, crop,
norms, resizing, soft-argmax and the sums of the last linear layer stay in float32, where rounding
would move a landmark and little is to be gained.

What was measured for these choices stands in CONTRIBUTING.md.
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

from mlcmkd.data.pairs import Pairs
from mlcmkd.deployment.onnx.card import Card, check_export, write_onnx
from mlcmkd.deployment.onnx.export import quiet
from mlcmkd.deployment.onnx.pairs import feeds
from mlcmkd.utils.errors import InputError

CALIBRATION_FACES = 100
# A range keeps this share of an activation's values, in percent. The few beyond it are clipped; to
# hold them as well (min-max), all others would be rounded more coarsely.
PERCENTILE = 99.99
_LAYERS = ["Conv", "Gemm"]
_BATCH = 8  # all activations of a batch are in memory at once


class _Faces(CalibrationDataReader):
    """Hands the calibration its faces, a batch at a time, so that memory does not grow with them."""

    def __init__(self, card: Card, pairs: Pairs):
        self._batches = list(feeds(card, pairs, _BATCH))
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


def spread(pairs: Pairs, faces: int) -> Pairs:
    """`faces` of the pairs, evenly spread over their order; all of them where there are fewer."""
    count = min(faces, len(pairs))
    return pairs.subset(np.linspace(0, len(pairs) - 1, count).round().astype(int))


def quantise(
    source: Path | str, path: Path | str, pairs: Pairs, *, faces: int = CALIBRATION_FACES
) -> Card:
    """Writes an exported network again, in 8-bit integers.

    Weights take 7 of the 8 bits: x86 CPUs without VNNI add pairs of 8-bit products in 16 bits, and
    full weights overflow there without a word.

    Args:
        source: a float32 file of `export_onnx`, of either kind.
        path: where to.
        pairs: faces to measure the ranges on; never those of a test split.
        faces: how many of them.

    Returns:
        What the new file says of itself.

    Raises:
        InputError: a source that is no export or is quantised already, or pairs it cannot read.
    """
    card = check_export(source)
    if card.precision != "float32":
        raise InputError(f"{source}: quantised already; give the float32 file")
    if faces < 1:
        raise InputError(f"{faces} calibration faces; give at least 1")
    held = spread(pairs, faces)
    with TemporaryDirectory() as folder, quiet():
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        # The symbolic pass knows no graph whose sizes lie in its data, as a crop's do.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            prepared,
            made,
            _Faces(card, held),
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
        model = onnx.load(made)
    card = card.model_copy(
        update={
            "precision": "int8",
            "calibration": f"{len(held)} faces, {PERCENTILE:g} % of every activation",
        }
    )
    write_onnx(model, card, path)
    return card
