"""Trained models in use: prediction on images and videos, files for other runtimes, bundled weights.

`mlcmkd.deployment.predictor.Predictor` predicts; `onnx` exports and runs networks without torch.
"""
