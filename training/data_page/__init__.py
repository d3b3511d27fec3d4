"""The page of `zoo data show`."""
