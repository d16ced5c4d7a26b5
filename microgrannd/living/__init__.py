"""Pages that live: a model that trains, or an expression that is computed, in one HTML file."""
