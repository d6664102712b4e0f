"""Thermal images: from stored values to degrees C and to the input of a network.

`radiometry` converts values, `palettes` inverts false colours, `dead_pixels` fills invalid pixels.
"""
