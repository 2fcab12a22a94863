"""How interpolated frames are made: several pairs a batch, pair by pair, or a frame in strips of rows."""
