"""draw: the graph of a Value as a picture."""
