"""Ground truths: photographs, signals, and a user's folder of images."""
