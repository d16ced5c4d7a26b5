"""fit: trains a model."""
