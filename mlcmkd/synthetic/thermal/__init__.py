"""The view of the thermal camera, degrees C: temperatures, emission, background, and the camera itself.

`look.draw_thermal_look` draws the parameters, `paint.paint_thermal` paints the temperatures of a scene,
and `camera.record` takes the picture.
"""
