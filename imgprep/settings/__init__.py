"""What every settings class is made of: field types, checks, and messages about what is wrong."""
