"""convert: any source becomes decoded, sized and pre-processed shards."""
