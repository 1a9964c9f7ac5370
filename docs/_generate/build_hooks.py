"""Hooks of mkdocs: decisions are listed by themselves, scripts never stand inside a page.

The theme writes two short scripts into every page. The platform serves under `script-src 'self'`,
so they are moved into files beside the theme's own, named by their content.
"""

import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any

SERVED_AT = "/docs/"
"""Where the platform serves the site; only the page for what is not found must know it."""
SCRIPTS = "assets/javascripts"
_INLINE = re.compile(r"<script>(?P<body>.+?)</script>", re.DOTALL)


def on_config(config: Any) -> Any:
    """Put every decision into the navigation."""
    for section in config.nav:
        if "Decisions" in section:
            section["Decisions"] += [f"decisions/{file.name}" for file in decisions(config)]
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """List the decisions on their page."""
    if page.file.src_uri != "decisions/index.md":
        return markdown
    lines = [f"- [{title_of(file)}]({file.name})" for file in decisions(config)]
    return markdown + "\n" + "\n".join(lines) + "\n"


def decisions(config: Any) -> list[Path]:
    """Files of the decisions, oldest first."""
    return sorted((Path(config.docs_dir) / "decisions").glob("0*.md"))


def title_of(file: Path) -> str:
    """The title of a page."""
    return file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def on_template_context(context: Any, template_name: str, config: Any) -> Any:
    """Let the page for what is not found, which is served at any depth, link from the root."""
    if template_name == "404.html":
        context["base_url"] = SERVED_AT
    return context


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """Move the scripts of the page for what is not found."""
    if template_name != "404.html":
        return output
    return move_scripts(output, Path(config.site_dir), base=SERVED_AT)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Move the scripts of a page."""
    depth = page.url.count("/")
    return move_scripts(output, Path(config.site_dir), base="../" * depth)


def move_scripts(html: str, site: Path, *, base: str) -> str:
    """A page with its inline scripts in files of the site.

    Args:
        html: the page.
        site: folder of the built site.
        base: from the page to the site's root; empty, or ends in a slash.
    """

    def move(match: re.Match[str]) -> str:
        body = match["body"].encode()
        name = f"inline.{hashlib.sha256(body).hexdigest()[:8]}.min.js"
        folder = site / SCRIPTS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
        return f'<script src="{base}{posixpath.join(SCRIPTS, name)}"></script>'

    return _INLINE.sub(move, html)
