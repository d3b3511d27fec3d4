"""Picture sheets and HTML pages."""
