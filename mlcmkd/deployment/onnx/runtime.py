"""Sessions of ONNX Runtime."""

from pathlib import Path

import onnxruntime


def cpu_session(path: Path | str, threads: int) -> onnxruntime.InferenceSession:
    """A session on the CPU that prints errors only.

    Args:
        path: path of the ONNX file.
        threads: CPU threads per call.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Some installers create links to files in a cache. ONNX Runtime looks for the weights in the folder
    # of the graph, so the links are resolved.
    file = str(Path(path).resolve())
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
