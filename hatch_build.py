"""A wheel brings the published tables, for `study.published`; an editable install reads them in its checkout."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PublishedTables(BuildHookInterface):
    """Copies book/results into the package."""

    def initialize(self, version, build_data):
        """Called before a wheel is built: `version` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"]["book/results"] = "transferlab/study/results"
