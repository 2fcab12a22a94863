"""Facts that PyAV does not give, or not in the same form in each version: the place to look after an upgrade."""
