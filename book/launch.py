"""A Sphinx extension: launch buttons and links to the repository only where they lead somewhere.

Without an address of the repository the theme would stop at the buttons, so they are taken out of its options.
"""


def lead_somewhere(app) -> None:
    options = app.config["html_theme_options"]
    known = bool(options.get("repository_url"))
    options["use_repository_button"] = options["use_issues_button"] = known
    if not known:
        options.pop("launch_buttons", None)


def setup(app) -> dict:
    app.connect("builder-inited", lead_somewhere)
    return {"parallel_read_safe": True}
