"""The spec: YAML in, live objects out. The only package that imports pydantic."""
