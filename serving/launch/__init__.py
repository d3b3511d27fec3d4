"""Starting a model server of any engine, with the files that it reads."""
