"""Evaluation: quality on triplets, flicker, cost and range of a network; tables and figures of the results."""
