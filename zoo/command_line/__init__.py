"""What every command needs before it starts: where results go, and quiet imports."""
