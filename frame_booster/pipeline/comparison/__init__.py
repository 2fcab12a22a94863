"""Before and after on one page: both videos in step, the frames a network is least sure of, and what a run reports."""
