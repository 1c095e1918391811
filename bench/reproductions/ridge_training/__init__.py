"""Ridge regularisers trained on photographs, beside the regularisers that everybody knows."""
