"""Networks as ONNX files: exported, described, checked against torch, quantised, and run."""
