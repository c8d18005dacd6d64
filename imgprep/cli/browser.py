"""The browser of the user."""


def browser_shows(url: str) -> bool:
    """Shows an address in the browser; whether there is one."""
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
