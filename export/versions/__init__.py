"""Version directories: published, labelled, verified and pruned."""
