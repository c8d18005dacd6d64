"""Images that look alike: perceptual hashes, near pairs, clusters, groups."""
