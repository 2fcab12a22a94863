"""Runs on a Ray cluster: workers on several machines make the segments of one or more files.

The entry point is `run`. The head, which is the command that the user started, plans segments (`chain`, `file_work`),
assigns them to workers (`hiring`, `crew`), fetches the finished ones (`fetching`), and joins them as a run on one
machine does. A worker (`worker`) makes a segment with the code of `--resume`. Ray is an optional dependency, so
`connection` imports it on demand.
"""
