"""Figures as people read them."""


def number(value: float) -> str:
    """Three digits, or all of a larger whole number."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
