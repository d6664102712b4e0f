"""The view of the RGB camera: colours, light, background, and the camera itself.

`look.draw_rgb_look` draws the parameters, `paint.paint_rgb` paints a scene in linear light, and
`photo.photograph` takes the picture.
"""
