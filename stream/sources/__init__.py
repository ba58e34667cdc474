"""Where items come from: one file per kind that needs code."""
