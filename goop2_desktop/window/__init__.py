"""The main window: the list of peers at the left, the chosen peer's header, tabs and page at the right."""
