"""What makes training fast and resumable: recipes, inputs, steps, checkpoints."""
