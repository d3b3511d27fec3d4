"""The demonstration: trains, exports, serves and asks; leaves a page."""
