"""The full-screen client: another face over the same client and the same commands (adr 13)."""
