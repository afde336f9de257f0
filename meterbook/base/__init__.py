"""What all parts stand on: errors, settings, files, periods, the disk. Imports nothing of ours."""
