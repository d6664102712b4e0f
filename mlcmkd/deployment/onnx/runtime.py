"""Sessions of ONNX Runtime."""

from pathlib import Path

import onnxruntime


def cpu_session(path: Path | str, threads: int) -> onnxruntime.InferenceSession:
    """A session on the CPU that prints errors only.

    Args:
        path: of the ONNX file.
        threads: CPU threads per call.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Some installers link to the files of a cache: a graph must find its weights beside itself there.
    file = str(Path(path).resolve())
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
