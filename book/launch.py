"""A Sphinx extension: launch buttons only where they lead somewhere.

Without an address of the repository the theme would stop at them, so they are taken out of its options.
"""


def remove_without_address(app) -> None:
    options = app.config["html_theme_options"]
    if not options.get("repository_url"):
        options.pop("launch_buttons", None)


def setup(app) -> dict:
    app.connect("builder-inited", remove_without_address)
    return {"parallel_read_safe": True}
