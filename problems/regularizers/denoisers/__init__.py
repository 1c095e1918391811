"""Regularisers made of a denoising network."""
