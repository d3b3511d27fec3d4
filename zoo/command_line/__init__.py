"""Building blocks shared by the commands: checked output paths and quiet imports."""
