"""HTML pages that compare videos before and after: in sync, with the most doubtful frames and the report of the run."""
