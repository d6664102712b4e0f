"""The controls of the explorer: a widget for each field of a view, and buttons."""

from typing import Any, get_args

import ipywidgets as widgets
from ipywidgets import Layout

from mlcmkd.attribution import Target
from mlcmkd.explorer.exploration import Exploration

WIDTH = "1010px"  # of the picture, at most


def make_controls(exploration: Exploration) -> dict[str, widgets.Widget]:
    """A widget for each field of a view except `show` and `noise_seed`."""
    models, radiometry = list(exploration.models), exploration.pairs.radiometry
    wide = {"style": {"description_width": "125px"}, "layout": Layout(width="49%")}
    model = {"style": {"description_width": "105px"}, "layout": Layout(width="40%")}
    unit = "°C" if exploration.unit == "degrees C" else exploration.unit
    return {
        "pair": widgets.IntSlider(
            max=len(exploration.pairs) - 1, description="pair (number)", **wide
        ),
        "landmark": widgets.IntSlider(
            max=exploration.scheme.points - 1, description="landmark (index)", **wide
        ),
        "rgb_model": widgets.Dropdown(options=models, description="model for RGB", **model),
        "thermal_model": widgets.Dropdown(options=models, description="model for thermal", **model),
        "exchanged": toggle_button(
            "exchange heads",
            "features of each modality with the head of the other modality's model",
        ),
        "misalignment": widgets.FloatSlider(
            max=12, step=0.5, readout_format=".1f", description="shift of RGB (px)", **wide
        ),
        "direction": widgets.FloatSlider(
            max=360, step=15, readout_format=".0f", description="to (°, 90 is down)", **wide
        ),
        "noise": widgets.FloatSlider(
            max=0.2, step=0.01, readout_format=".0%", description="noise (of range)", **wide
        ),
        "temperatures": widgets.FloatRangeSlider(
            min=radiometry.low,
            max=radiometry.high,
            step=(radiometry.high - radiometry.low) / 44,  # 0.5 degrees C for a range of 22
            value=(radiometry.low, radiometry.high),
            readout_format=".1f",
            description=f"thermal range ({unit})",
            disabled=radiometry.kind == "frame-minmax",
            **wide,
        ),
        "layer": widgets.Dropdown(
            options=exploration.layers,
            description="layer",
            style={"description_width": "60px"},
            layout=Layout(width="170px"),
        ),
        "target": widgets.Dropdown(
            options=get_args(Target),
            description="attribution of",
            style={"description_width": "95px"},
            layout=Layout(width="240px"),
        ),
    }


def reach(control: widgets.Widget, value: Any) -> None:
    """Widens a slider that ends before a value of a given view, which it would cut without a word."""
    if hasattr(control, "max"):
        low, high = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, low), max(control.max, high)


def toggle_button(name: str, tooltip: str = "") -> widgets.ToggleButton:
    """A button that is on or off."""
    return widgets.ToggleButton(
        description=name, tooltip=tooltip or f"show or hide: {name}", layout=Layout(width="132px")
    )


def action_button(name: str, tooltip: str, callback: Any) -> widgets.Button:
    """A button that calls a function with itself."""
    button = widgets.Button(description=name, tooltip=tooltip, layout=Layout(width="80px"))
    button.on_click(callback)
    return button


def row_of(*children: widgets.Widget) -> widgets.HBox:
    """Widgets side by side, at most as wide as the picture."""
    layout = Layout(flex_flow="row wrap", width="100%", max_width=WIDTH)
    return widgets.HBox(children, layout=layout)


def part_handles(control: widgets.FloatRangeSlider) -> None:
    """Keeps the two handles of a range a step apart: an empty range is none."""
    low, high = control.value
    if high - low < control.step / 2:
        low = min(low, control.max - control.step)
        control.value = (low, low + control.step)
