"""What a rule reads: which sensors are behind its conditions, and at which of their values something can change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from whenthen.dsl.compiled import Node
from whenthen.dsl.expression import Expression
from whenthen.dsl.sharing import one
from whenthen.extend.formula import SensorRef, atoms
from whenthen.extend.registry import Registry


def reads_of(nodes: Iterable[Node], variables: Mapping[str, Expression], registry: Registry) -> tuple[SensorRef, ...]:
    """Return every sensor that looks at the nodes read, variables followed to their sensors."""
    found: dict[SensorRef, None] = {}
    for node in nodes:
        found.update(dict.fromkeys(refs_below(node, variables, registry)))
    for expression in variables.values():
        found.update(dict.fromkeys(SensorRef(name) for name in sorted(expression.names - variables.keys())))
    return tuple(map(one, found))


def cuts_of(
    nodes: Iterable[Node], reads: Iterable[SensorRef], variables: Mapping[str, Expression], registry: Registry
) -> tuple[tuple[float, ...] | None, ...]:
    """Return, for each of *reads*, the numbers at which alone something can change; ``None``: every reading matters."""
    cuts: dict[SensorRef, tuple[float, ...] | None] = dict.fromkeys(reads, ())
    for name in {name for expression in variables.values() for name in expression.names}:
        if name not in variables:
            cuts[SensorRef(name)] = None
    for node in nodes:
        given = node.condition.cuts()
        for ref in refs_below(node, variables, registry):
            numbers = None if given is None else given.get(ref)
            so_far = cuts[ref]
            cuts[ref] = None if numbers is None or so_far is None else so_far + numbers
    return tuple(None if numbers is None else tuple(sorted(set(numbers))) for numbers in cuts.values())


def refs_below(node: Node, variables: Mapping[str, Expression], registry: Registry) -> Iterator[SensorRef]:
    """Yield the sensors that a node and its children read, variables followed to their sensors."""
    names = [*node.condition.sensors()]
    for function in node.condition.functions():
        registered = registry.functions.get(function)
        if registered is not None:
            names.extend(SensorRef(name) for name in registered.reads)
    for ref in names:
        if ref.sensor in variables and ref.device is None:
            yield from (SensorRef(name) for name in sorted(_sensor_names(ref.sensor, variables)))
        else:
            yield ref
    for child in node.children:
        yield from refs_below(child, variables, registry)


def _sensor_names(variable: str, variables: Mapping[str, Expression]) -> set[str]:
    """Return the sensors behind a variable; it may use only earlier ones, so this ends."""
    found: set[str] = set()
    for name in variables[variable].names:
        found |= _sensor_names(name, variables) if name in variables and name != variable else {name}
    return found


def is_stateful(node: Node) -> bool:
    """Tell whether a condition remembers something or moves with the time: all but formulas over values of any age."""
    formula = node.condition.lowered()
    return formula is None or any(atom.ref.max_age_us is not None for atom in atoms(formula))


def reads_nothing(node: Node) -> bool:
    """Tell whether a condition, or one inside it, moves with the time alone."""
    if node.children:
        return any(map(reads_nothing, node.children))
    return not node.condition.sensors()
