"""Use of trained models: prediction on images and videos, ONNX export, and the bundled weights.

`mlcmkd.deployment.predictor.Predictor` predicts landmarks. `mlcmkd.deployment.onnx` exports
networks and runs them without torch; so that this works, nothing is imported here.
"""
