"""Files that users bring: images, arrays, tensors. What is read is never executed."""
