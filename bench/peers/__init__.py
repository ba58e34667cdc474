"""What the fan-out benchmark is run beside: other libraries' way of the same job, each a script."""
