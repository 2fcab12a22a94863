"""The command lines. Click functions parse, build options and call; nothing heavy is imported before that."""
