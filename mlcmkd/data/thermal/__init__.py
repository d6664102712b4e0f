"""Thermal images: from stored values to degrees C and to the input of a network.

`radiometry` converts values, `palettes` inverts false colours (`palette_curves`), `dead_pixels` fills
invalid pixels, `scale_check` refuses frames in another scale, `model_range` says over which range a
model reads data, `stated_levels` and `radiometric_jpeg` are about 8-bit files.
"""
