"""One command on many machines: segments of files made by the workers of a Ray cluster.

`run` is the way in. The head, which is the command that was called, plans segments (`chain`, `file_work`), hands them
to workers (`hiring`, `crew`), fetches what they have made, and joins it as a run on one machine does. A worker
(`worker`) makes a segment by the code of `--resume`. Ray is imported in `connection`, when it is asked for, and nowhere
else.
"""
