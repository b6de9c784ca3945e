"""What few images can tell: intervals, paired tests and verdicts whose n is the image or the group, never the seed."""
