"""What a run folder says while it is written, for `lpg watch`: a status in words, and one figure."""
