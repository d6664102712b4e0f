"""The command that writes a landmark network as a file for other programs."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.stages.export import ExportConfig
from mlcmkd.stages.export import export as run_export


@config_command("out", "weights", "data.source", "kind", "licence", "int8")
def export(config: ExportConfig) -> None:
    """Write weights as ONNX, checked against torch, in 8 bits too if wanted."""
    show(run_export(config))
