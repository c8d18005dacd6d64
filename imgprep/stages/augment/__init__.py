"""augment: new training images, and stress sets."""
