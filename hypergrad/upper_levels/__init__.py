"""Upper levels: steps of training that choose how accurately lower level and adjoint are solved."""
