"""Three ways to interpolate frames: several pairs a batch, pair by pair, or a frame in strips of rows."""
