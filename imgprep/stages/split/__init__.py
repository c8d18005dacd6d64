"""split: assigns every usable image to a split."""
