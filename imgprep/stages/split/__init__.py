"""split: every usable image gets its split."""
