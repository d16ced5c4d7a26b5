"""gradient_report: how gradients fare in each layer."""
