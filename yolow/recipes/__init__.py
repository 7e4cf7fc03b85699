"""One file per command: its steps in order. Recipes join the rooms below and print nothing."""
