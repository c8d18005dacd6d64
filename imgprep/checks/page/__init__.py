"""The parts of the audit page besides findings: charts, galleries, examples and a map of the collection."""
