"""What a measurement runs on: device, threads, precision, and the provenance of it all."""
