"""The desktop app: the window, the site tabs, the tray. It speaks to the engine through `goop2_core.host` alone."""
