"""What can be run, by name: built-in classes, contenders and plug-ins, each with who brought it."""
