"""Ridge regularisers: Huber functions of the responses of a chain of convolutions."""
