"""Landmarks in pictures that come from outside: read, find the face, predict.

Three lines, with the model in the box:

    from mlcmkd.predict import Predictor
    predictor = Predictor()
    landmarks = predictor("frame.png").landmarks

`Predictor("runs/light/model.safetensors")` takes weights of your own, `Predictor("light.onnx")` what
`mlcmkd export` wrote. Files in and files out, videos included, are mlcmkd.predict_stage.
"""

from mlcmkd.predict.detect import load_detector, warm_blob
from mlcmkd.predict.one_euro import OneEuro
from mlcmkd.predict.predictor import LOOKS, Box, Found, Predictor, Square
from mlcmkd.predict.smooth import Smoother

__all__ = [
    "LOOKS",
    "Box",
    "Found",
    "OneEuro",
    "Predictor",
    "Smoother",
    "Square",
    "load_detector",
    "warm_blob",
]
