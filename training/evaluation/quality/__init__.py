"""How far generated pictures are from real ones, cheap enough for the end of every epoch."""
