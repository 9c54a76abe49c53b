"""Web pages in the window: site tabs and the console's pages. Imported only after the window is on the screen."""
