"""What makes two images alike."""
