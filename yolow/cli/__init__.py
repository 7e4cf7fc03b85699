"""The command line: parse, call one recipe, show its report. Nothing heavy is imported here."""
