"""How goop2 looks: the tokens of `resources/theme.json` as colours, fonts, icons and the few widgets made of them."""
