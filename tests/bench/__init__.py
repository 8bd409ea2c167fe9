"""What of the measuring can be wrong without a measurement: its table and its command line."""
