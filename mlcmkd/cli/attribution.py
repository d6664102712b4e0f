"""The command that shows which pixels a network uses."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.stages.attribute import AttributeConfig
from mlcmkd.stages.attribute import attribute as run_attribute


@config_command(
    "out",
    "rgb",
    "thermal",
    "data.source",
    "split",
    "landmark",
    "group",
    "method",
    "target",
    "faces",
    "path_steps",
    exclusive=("landmark", "group"),
)
def attribute(config: AttributeConfig) -> None:
    """Show which pixels a landmark or a region was found by.

    Explains an RGB and a thermal model on the same faces.
    """
    show(run_attribute(config))
