"""Measuring: quality on triplets, the cost of a network, how far it sees; tables and figures of the results."""
