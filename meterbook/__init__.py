"""The command: settings, errors, the build and the run that join the parts."""
