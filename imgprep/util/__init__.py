"""Small things that several rooms need and none of them owns."""
