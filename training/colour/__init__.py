"""Product colours: colour names, the OKLab colour space, and detection in photos."""
