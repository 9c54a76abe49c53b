"""Tells goop2's own pages which mode the window wears: WebEngine itself would not know it everywhere."""

from __future__ import annotations

import json

from PySide6.QtWebEngineCore import QWebEngineProfile, QWebEngineScript

from goop2_desktop.look.look import Look, theme

NAME = "look"
WEAR = """
(() => {
  const wear = () => {
    const root = document.documentElement;
    if (!root) return false;
    root.classList.remove("light", "dark", "still");
    root.classList.add(...%s);
    return true;
  };
  if (!wear()) new MutationObserver((_, seen) => wear() && seen.disconnect()).observe(document, { childList: true });
})();
"""
NOTICE = """
if (document.querySelector('link[rel=stylesheet][href$="/.goop2/page.css"]')) { %s }
"""


def tell_pages(profile: QWebEngineProfile, *, all_pages: bool) -> str:
    """Put the mode's class on `<html>` of the profile's pages from now on; gives the script, for a page that is open.

    With `all_pages` before anything is drawn, as in the console. Else only on the pages that a viewer makes itself
    ("cannot be reached" and the like): a site keeps its own colours.
    """
    classes = [theme().mode] + ([] if Look.of_app().motion else ["still"])
    source = WEAR % json.dumps(classes)
    point = QWebEngineScript.InjectionPoint
    script = QWebEngineScript()
    script.setName(NAME)
    script.setSourceCode(source if all_pages else NOTICE % source)
    script.setInjectionPoint(point.DocumentCreation if all_pages else point.DocumentReady)
    script.setWorldId(QWebEngineScript.ScriptWorldId.ApplicationWorld)
    scripts = profile.scripts()
    for old in scripts.find(NAME):
        scripts.remove(old)
    scripts.insert(script)
    return script.sourceCode()
