"""The options of `frame-booster`, a module for each group of its help."""
