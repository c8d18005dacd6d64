"""features: what a layer of a network says of each image, for models that are trained on it."""
