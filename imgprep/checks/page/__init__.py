"""What the page of the audit shows of a collection besides findings: charts, galleries, examples and a map."""
