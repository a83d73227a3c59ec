"""A plugin in a process of its own, with a deadline and a limit of memory: it can be ended, and costs only itself."""

from whenthen.extend.isolation.limits import Limits
from whenthen.extend.isolation.plugin import IsolatedPlugin, isolated_plugin

__all__ = ["IsolatedPlugin", "Limits", "isolated_plugin"]
