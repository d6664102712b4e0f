"""Networks as ONNX files: export, metadata, comparison with torch, quantisation, inference."""
