"""gradient_report: the gradients of each layer, and what helps."""
