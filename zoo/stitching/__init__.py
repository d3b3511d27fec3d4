"""Makes one photo of several that overlap."""
