"""What every database must do, and what each does in trouble."""
