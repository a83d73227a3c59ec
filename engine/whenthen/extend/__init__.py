"""How strangers join: base classes, hooks, the registry, and the host that loads plugins one by one."""
