"""The controls of the explorer: a widget for each field of a view, and buttons."""

from typing import Any, get_args

import ipywidgets as widgets

from mlcmkd.attribution import Target
from mlcmkd.explorer.exploration import Exploration


def make_controls(exploration: Exploration) -> dict[str, widgets.Widget]:
    """A widget for each field of a view except `show` and `noise_seed`."""
    models, radiometry = list(exploration.models), exploration.pairs.radiometry
    style = {"style": {"description_width": "125px"}}
    unit = "°C" if exploration.unit == "degrees C" else exploration.unit
    return {
        "pair": widgets.IntSlider(
            max=len(exploration.pairs) - 1, description="pair (number)", **style
        ),
        "landmark": widgets.IntSlider(
            max=exploration.scheme.points - 1, description="landmark (index)", **style
        ),
        "rgb_model": widgets.Dropdown(options=models, description="model for RGB", **style),
        "thermal_model": widgets.Dropdown(options=models, description="model for thermal", **style),
        "exchanged": toggle_button(
            "exchange heads",
            "features of each modality with the head of the other modality's model",
        ),
        "misalignment": widgets.FloatSlider(
            max=12, step=0.5, readout_format=".1f", description="shift of RGB (px)", **style
        ),
        "direction": widgets.FloatSlider(
            max=360, step=15, readout_format=".0f", description="to (°, 90 is down)", **style
        ),
        "noise": widgets.FloatSlider(
            max=0.2, step=0.01, readout_format=".0%", description="noise (of range)", **style
        ),
        "temperatures": widgets.FloatRangeSlider(
            min=radiometry.low,
            max=radiometry.high,
            step=(radiometry.high - radiometry.low) / 44,  # 0.5 degrees C for a range of 22
            value=(radiometry.low, radiometry.high),
            readout_format=".1f",
            description=f"thermal range ({unit})",
            disabled=radiometry.kind == "frame-minmax",
            **style,
        ),
        "layer": widgets.Dropdown(
            options=exploration.layers,
            description="layer",
            **style,
        ),
        "target": widgets.Dropdown(
            options=get_args(Target),
            description="attribution of",
            **style,
        ),
    }


def reach(control: widgets.Widget, value: Any) -> None:
    """Widens the range of a slider to include a value that the slider would otherwise clip."""
    if hasattr(control, "max"):
        low, high = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, low), max(control.max, high)


def toggle_button(name: str, tooltip: str = "") -> widgets.ToggleButton:
    """A button that is on or off; by default its tooltip is "show or hide: NAME"."""
    return widgets.ToggleButton(description=name, tooltip=tooltip or f"show or hide: {name}")


def action_button(name: str, tooltip: str, callback: Any) -> widgets.Button:
    """A button that calls `callback` with itself as the argument."""
    button = widgets.Button(description=name, tooltip=tooltip)
    button.on_click(callback)
    return button


def row_of(*children: widgets.Widget) -> widgets.HBox:
    """Widgets in a row, which wraps where the page is narrow (style.css)."""
    return with_class(widgets.Box(children), "mlcmkd-row")


def with_class(widget: widgets.DOMWidget, name: str) -> Any:
    """Adds a class of style.css to a widget and returns the widget."""
    widget.add_class(name)
    return widget


def part_handles(control: widgets.FloatRangeSlider) -> None:
    """Keeps the two handles of a range slider at least one step apart: the range must not be empty."""
    low, high = control.value
    if high - low < control.step / 2:
        low = min(low, control.max - control.step)
        control.value = (low, low + control.step)
