"""Running a network on frames: device, precision, padding, batches, conversion of pixels."""
