"""The steps from an empty database to the present one, in the order of their numbers."""
