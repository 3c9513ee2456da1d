"""What leadline must reach, measured. `make bench` prints every row; figures go to docs/LOG.md."""
