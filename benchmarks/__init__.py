"""What imgprep costs, and beside other programs: ``python -m benchmarks``, or ``make bench``."""
