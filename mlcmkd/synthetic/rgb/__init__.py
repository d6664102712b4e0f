"""The view of the RGB camera: colours, light, background, and the camera itself."""
