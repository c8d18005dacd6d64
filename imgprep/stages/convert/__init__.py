"""convert: decodes, resizes and pre-processes the images of any source into shards."""
