"""Images that look alike: perceptual hashes, neighbours, clusters, groups."""
