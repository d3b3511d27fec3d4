"""The HTML page that `zoo data show` writes."""
