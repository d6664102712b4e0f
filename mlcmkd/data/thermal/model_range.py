"""How a model reads thermal data that was not prepared over the range of its training data.

A model's input is a share of the range of its radiometry. Read over another range, the same face is
brighter or darker. Weights with normalisation "image" do not notice it (except for clipped pixels),
those with "fixed" lose several points. Temperatures are therefore read over the model's own range;
values of another scale (relative levels instead of temperatures) have none in common with it.
"""

from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError


def over_model_range(data: Radiometry, trained: Radiometry | None) -> Radiometry:
    """The radiometry by which a model reads data.

    Args:
        data: radiometry of the stored values.
        trained: radiometry of the model's training data; None if it has none.

    Returns:
        `data` over the range of `trained`; `data` itself if the two have no scale in common.
    """
    if trained is None:
        return data
    if trained.kind == "frame-minmax":
        return Radiometry(kind="frame-minmax", black_hot=data.black_hot)
    if data.kind == "frame-minmax" or data.absolute != trained.absolute:
        return data
    return data.model_copy(update={"low": trained.low, "high": trained.high})


def check_model_range(
    trained: Radiometry | None,
    data: Radiometry | None,
    normalisation: str | None,
    name: str,
) -> None:
    """Checks that a model reads values over the range of its training data, if that matters to it.

    Args:
        trained, normalisation: of the model, see `mlcmkd.models.ModelSpec`.
        data: the radiometry by which the values are read; None without thermal values.
        name: of the values, for the message.

    Raises:
        InputError: the model's normalisation is "fixed", and the range or the scale differs.
    """
    if normalisation != "fixed" or trained is None or data is None or same_range(trained, data):
        return
    # Of data in another scale, only the fix is another one: no range can be given for it.
    comparable = over_model_range(data, trained) != data
    fix = (
        "load them with the radiometry of the model"
        if comparable
        else "use a model that was trained on such data, or one with normalisation 'image'"
    )
    raise InputError(
        f"{name}: read as {described(data)}, but the model (normalisation 'fixed') was trained on "
        f"{described(trained)}; {fix}"
    )


def same_range(a: Radiometry, b: Radiometry) -> bool:
    """Whether equal inputs of a network mean equal values."""
    if "frame-minmax" in (a.kind, b.kind):
        return a.kind == b.kind
    return (a.absolute, a.low, a.high) == (b.absolute, b.low, b.high)


def described(radiometry: Radiometry) -> str:
    """A radiometry's range in words."""
    if radiometry.kind == "frame-minmax":
        return "each frame's own range"
    unit = "degrees C" if radiometry.absolute else "relative grey levels"
    return f"{radiometry.low:g} to {radiometry.high:g} {unit}"
