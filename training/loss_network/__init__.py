"""A frozen network whose features tell how alike pictures look, for training alone."""
