"""The hostile plugins: what each does, what becomes of it, and the words with which that is told.

``LOADED`` misbehave while they load, ``READ`` while a rule that uses them is read, ``JUDGED`` when a condition is
judged, ``ACTING`` are actions, triggers and functions. These run in the engine's own process: whenthen survives them,
but they are trusted code, and nothing could end them. Those of ``ENDED`` can only be survived in a process of their
own. A pattern's ``…`` stands for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any

HEAD = "import asyncio, os, signal, subprocess, sys, threading, time\nfrom whenthen import *\n"


@dataclass(frozen=True)
class Hostile:
    """One hostile plugin, and its written outcome.

    *problem* is what ``whenthen plugins`` says of it, *refused* what is wrong with a rule that uses it, *told* the
    notices while that rule runs, *fires* how often it fires in three readings that meet it.
    """

    name: str
    outcome: str
    code: str
    problem: str | None = None
    refused: str | None = None
    told: tuple[str, ...] = ()
    fires: int = 0
    rule: dict[str, Any] = field(default_factory=dict)
    isolated: bool = False
    strikes: int = 3
    load_seconds: float = 30.0
    deadline_seconds: float = 30.0

    def __str__(self) -> str:
        return self.name


def module(code: str) -> str:
    return HEAD + dedent(code)


def judging(body: str, more: str = "", before: str = "") -> str:
    """Return a plugin with one condition ``hostile``, whose ``evaluate`` is *body*; *more* stands in the class."""
    lines = [
        HEAD,
        dedent(before),
        "class Hostile(Condition):",
        '    type = "hostile"',
        '    reads = ("temperature",)',
        indent(dedent(more), "    "),
        "    def evaluate(self, view):",
        indent(dedent(body), "        "),
        "@hookimpl",
        "def whenthen_conditions():",
        "    return [Hostile]",
    ]
    return "\n".join(lines) + "\n"


def offering(kind: str, code: str, what: str = "Hostile") -> str:
    """Return a plugin whose hook for *kind* returns *what*."""
    return module(code) + f"\n@hookimpl\ndef whenthen_{kind}s():\n    return [{what}]\n"


ON_READING = {"type": "sensor", "config": {"sensor": "temperature"}}
ACTS = {"conditions": [], "actions": [{"type": "hostile"}]}
ALWAYS = {"conditions": [], "trigger": {"type": "hostile"}}
ASKS = {"conditions": [{"type": "expression", "config": {"expression": "hostile(temperature) > 1"}}]}
CUSTOM = {"conditions": [{"type": "custom", "config": {"function": "hostile"}}]}
CLAIM = "class C(Condition):\n    type = '{}'\n    def evaluate(self, view):\n        pass"
SAYS = "condition hostile of plugin hostile "

LOADED = [
    Hostile("raises-at-import", "It is skipped.", "raise RuntimeError('no')", "cannot be imported: RuntimeError: no"),
    Hostile("is-no-python", "It is skipped.", "def :", "cannot be imported: SyntaxError: …"),
    Hostile(
        "exits-at-import",
        "It is skipped; the program goes on.",
        "raise SystemExit(3)",
        "cannot be imported: SystemExit: 3",
    ),
    Hostile(
        "imports-what-is-not-there",
        "It is skipped.",
        "import no_such_module",
        "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    Hostile(
        "recurses-at-import",
        "It is skipped.",
        "def down():\n    down()\ndown()",
        "cannot be imported: RecursionError: maximum recursion depth exceeded…",
    ),
    Hostile(
        "asks-for-too-much-memory-at-import",
        "It is skipped.",
        "bytearray(1 << 62)",
        "cannot be imported: MemoryError",
    ),
    Hostile(
        "raises-what-cannot-be-told",
        "It is skipped; its error's own failure is told.",
        "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mute",
        "cannot be imported: Mute: (its message raises, too)",
    ),
    Hostile(
        "raises-at-registration",
        "That hook's things are left out.",
        module("@hookimpl\ndef whenthen_conditions():\n    raise KeyError('x')"),
        "whenthen_conditions raised KeyError: 'x'",
    ),
    Hostile(
        "exits-at-registration",
        "That hook's things are left out.",
        module("@hookimpl\ndef whenthen_conditions():\n    sys.exit(1)"),
        "whenthen_conditions raised SystemExit: 1",
    ),
    Hostile(
        "registers-a-number",
        "The hook's answer is no list and is left out.",
        module("@hookimpl\ndef whenthen_conditions():\n    return 5"),
        "whenthen_conditions returned 5; return a list",
    ),
    Hostile(
        "registers-without-end",
        "None of its things is taken.",
        module("@hookimpl\ndef whenthen_conditions():\n    while True:\n        yield Condition"),
        "whenthen_conditions returned more than 1,000 things; none of them is taken",
    ),
    Hostile(
        "registers-what-is-no-class",
        "That thing is left out.",
        offering("condition", "", "'comparison'"),
        "'comparison' is not a subclass of whenthen.Condition",
    ),
    Hostile(
        "misspells-a-hook",
        "It is skipped, and told the hook's real name.",
        module("@hookimpl\ndef whenthen_conditons():\n    return []"),
        "there is no hook whenthen_conditons; did you mean whenthen_conditions?",
    ),
    Hostile(
        "forgets-the-mark",
        "It is skipped, and told what is missing.",
        module("def whenthen_conditions():\n    return []"),
        "whenthen_conditions is not marked with @whenthen.hookimpl, so it is not called",
    ),
    Hostile(
        "registers-nothing",
        "It is skipped.",
        "x = 1",
        "registers nothing: no function in it is marked with @whenthen.hookimpl",
    ),
    Hostile(
        "wraps-the-hooks-of-others",
        "Its wrapper is not called.",
        module("@hookimpl(wrapper=True)\ndef whenthen_conditions():\n    yield\n    return []"),
        "whenthen_conditions wraps other plugins' hooks, which is not possible; return a list",
    ),
    Hostile(
        "asks-for-a-newer-contract",
        "It is skipped before anything of it is called.",
        judging("return True", before="whenthen_api = 99"),
        "was written for version 99 of the plugin contract, this whenthen speaks 1; …",
    ),
    Hostile(
        "asks-for-a-contract-that-is-no-number",
        "It is skipped.",
        judging("return True", before="whenthen_api = 'latest'"),
        "whenthen_api is 'latest'; write the number of the plugin contract, whenthen_api = 1",
    ),
    Hostile(
        "registers-a-type-twice",
        "The first stays.",
        judging("return True").replace("return [Hostile]", "return [Hostile, Hostile]"),
        "condition 'hostile' is already registered by hostile, which keeps it",
    ),
    Hostile(
        "claims-a-built-in-type",
        "The built-in stays.",
        offering(
            "condition",
            "class C(Condition):\n    type = 'comparison'\n    def evaluate(self, view):\n        pass",
            "C",
        ),
        "condition 'comparison' is already registered by builtin, which keeps it",
    ),
    Hostile(
        "claims-another-plugins-type",
        "The first to load stays.",
        offering("condition", CLAIM.format("warm"), "C"),
        "condition 'warm' is already registered by greenhouse, which keeps it",
    ),
    Hostile(
        "names-its-type-in-capitals",
        "That thing is left out.",
        offering("condition", CLAIM.format("Loud"), "C"),
        "condition C needs a name in snake_case …, not 'Loud'",
    ),
    Hostile(
        "lacks-evaluate",
        "That thing is left out.",
        offering("condition", "class C(Condition):\n    type = 'hostile'", "C"),
        "condition 'hostile' lacks the method evaluate or compile",
    ),
    Hostile(
        "evaluates-asynchronously",
        "That thing is left out before it can return a coroutine.",
        offering(
            "condition",
            "class C(Condition):\n    type = 'hostile'\n    async def evaluate(self, view):\n        pass",
            "C",
        ),
        "condition 'hostile': evaluate is async, but is called directly; write def, not async def",
    ),
    Hostile(
        "brings-a-schema-that-is-none",
        "That thing is left out.",
        judging("return True", "schema = {'type': 'object', 'properties': 5}"),
        "the schema of condition 'hostile' is not valid: …",
    ),
    Hostile(
        "brings-a-schema-from-elsewhere",
        "That thing is left out, and nothing is fetched.",
        judging("return True", "schema = {'$ref': 'http://127.0.0.1:9/schema.json'}"),
        "the schema of condition 'hostile' refers to …",
    ),
    Hostile(
        "brings-a-schema-that-goes-around-in-circles",
        "That thing is left out.",
        judging("return True", "schema = {}\nschema['properties'] = schema"),
        "the schema of condition 'hostile' is not JSON: …",
    ),
    Hostile(
        "raises-at-schema",
        "That thing is left out.",
        judging(
            "return True",
            before="class Meta(type):\n    @property\n    def schema(cls):\n        raise OSError('gone')",
        ).replace("Hostile(Condition)", "Hostile(Condition, metaclass=Meta)"),
        "condition class Hostile cannot be looked at: OSError: gone",
    ),
]

READ = [
    Hostile(
        "raises-when-made",
        "The rule is refused with the place and the plugin.",
        judging("return True", "def __init__(self, config, children=()):\n    raise ZeroDivisionError"),
        refused="/conditions/0: condition hostile of plugin hostile raised ZeroDivisionError (mend the plugin, …)",
    ),
    Hostile(
        "raises-at-sensors",
        "The rule is refused.",
        judging("return True", "def sensors(self):\n    raise KeyError('x')"),
        refused="/conditions/0: condition hostile of plugin hostile raised KeyError: 'x' …",
    ),
    Hostile(
        "names-sensors-by-text",
        "The rule is refused.",
        judging("return True", "def sensors(self):\n    return 'temperature'"),
        refused="/conditions/0: … raised TypeError: sensors returned str, not SensorRef …",
    ),
    Hostile(
        "exits-at-problems",
        "The rule is refused; the program goes on.",
        judging("return True", "def problems(self):\n    sys.exit(1)"),
        refused="/conditions/0: condition hostile of plugin hostile raised SystemExit: 1 …",
    ),
    Hostile(
        "raises-at-cuts",
        "The rule is refused.",
        judging("return True", "def cuts(self):\n    raise ValueError('no cuts')"),
        refused="/: a plugin that this rule uses raised ValueError: no cuts …",
    ),
    Hostile(
        "lowers-to-nonsense",
        "The rule is refused.",
        judging("return True", "def lowered(self):\n    return 'temperature > 20'"),
        refused="/: a plugin that this rule uses raised AttributeError: …",
    ),
    Hostile(
        "raises-at-the-delivery-of-an-action",
        "The rule is refused.",
        offering(
            "action",
            """
            class Hostile(Action):
                type = "hostile"
                def perform(self, call, services): pass
                def delivery_of(self): raise ValueError("lost")
            """,
        ),
        rule=ACTS,
        refused="/actions/0: action hostile of plugin hostile raised ValueError: lost …",
    ),
    Hostile(
        "raises-at-the-events-of-a-trigger",
        "The rule is refused.",
        offering(
            "trigger", "class Hostile(Trigger):\n    type = 'hostile'\n    def events(self):\n        raise ValueError"
        ),
        rule=ALWAYS,
        refused="/trigger: trigger hostile of plugin hostile raised ValueError …",
    ),
]

JUDGED = [
    Hostile(
        "raises-at-evaluate",
        "Unknown; one notice with a count.",
        judging("raise ValueError('bad')"),
        told=(SAYS + "raised ValueError: bad",),
    ),
    Hostile("exits-at-evaluate", "Unknown.", judging("sys.exit(9)"), told=(SAYS + "raised SystemExit: 9",)),
    Hostile(
        "recurses-at-evaluate",
        "Unknown.",
        judging("return self.evaluate(view)"),
        told=(SAYS + "raised RecursionError: maximum recursion depth exceeded…",),
    ),
    Hostile(
        "asks-for-too-much-memory-at-evaluate",
        "Unknown.",
        judging("return bytearray(1 << 62)"),
        told=(SAYS + "raised MemoryError",),
    ),
    Hostile(
        "raises-what-only-bare-except-would-catch",
        "Unknown.",
        judging("raise asyncio.CancelledError('gone')"),
        told=(SAYS + "raised CancelledError: gone",),
    ),
    Hostile(
        "raises-what-cannot-be-told-at-evaluate",
        "Unknown; its error's own failure is told.",
        judging("raise Mute", before="class Mute(Exception):\n    def __str__(self):\n        raise self"),
        told=(SAYS + "raised Mute: (its message raises, too)",),
    ),
    Hostile(
        "raises-a-megabyte",
        "Unknown; the message is cut.",
        judging("raise ValueError('x' * 1_000_000)"),
        told=(SAYS + "raised ValueError: xxx…",),
    ),
    Hostile(
        "returns-a-text", "Unknown.", judging("return 'yes'"), told=(SAYS + "returned str, not True, False or None",)
    ),
    Hostile("returns-1", "Unknown.", judging("return 1"), told=(SAYS + "returned int, not True, False or None",)),
    Hostile(
        "returns-a-truth-of-another-library",
        "Unknown: numpy's true is not Python's.",
        judging(
            "return bool_()",
            before="class bool_:\n    __module__ = 'numpy'\n    def __bool__(self):\n        return True",
        ),
        told=(SAYS + "returned numpy.bool_, not True, False or None",),
    ),
    Hostile(
        "returns-a-coroutine",
        "Unknown; the coroutine is closed.",
        judging("return later()", before="async def later():\n    return True"),
        told=(SAYS + "returned coroutine, not True, False or None",),
    ),
    Hostile(
        "returns-what-cannot-be-looked-at",
        "Unknown.",
        judging(
            "return Trap()",
            before="class Trap:\n    __bool__ = None\n    def __getattribute__(self, name):\n        raise SystemExit",
        ),
        told=(SAYS + "returned hostile.Trap, not True, False or None",),
    ),
    Hostile(
        "writes-into-the-view",
        "Unknown; nobody else's reading changes.",
        judging("view['temperature'] = 0.0"),
        told=(SAYS + "raised TypeError: 'View' object does not support item assignment",),
    ),
    Hostile(
        "empties-the-functions-of-the-view",
        "Unknown; functions stay there for others.",
        judging("view.functions.clear()"),
        told=(SAYS + "raised AttributeError: 'mappingproxy' object has no attribute 'clear'",),
    ),
    Hostile(
        "changes-what-is-its-own-in-the-view",
        "It harms itself only.",
        judging("view.now_us = -1\nview.truths = view.state = None\nview._readers.clear()\nreturn True"),
        told=(),
        fires=3,
    ),
    Hostile(
        "changes-its-config",
        "It harms itself only.",
        judging("self.config.clear()\nself.config['x'] = 1\nreturn True"),
        fires=3,
    ),
    Hostile(
        "remembers-an-object",
        "It works; what no restart could keep is told when state is kept, and left out.",
        judging("view.state['self'] = self\nreturn True"),
        told=(SAYS + "remembers what a restart cannot keep: hostile.Hostile is no JSON",),
        fires=3,
    ),
    Hostile(
        "remembers-in-circles",
        "It works; what no restart could keep is told when state is kept, and left out.",
        judging("view.state['state'] = view.state\nreturn True"),
        told=(SAYS + "remembers what a restart cannot keep: it goes around in circles",),
        fires=3,
    ),
    Hostile(
        "remembers-by-number",
        "It works; what no restart could keep is told when state is kept, and left out.",
        judging("view.state[1] = 1\nreturn True"),
        told=(SAYS + "remembers what a restart cannot keep: a key that is int, not str, is no JSON",),
        fires=3,
    ),
    Hostile(
        "is-due-in-a-text",
        "Unknown.",
        judging("return True", "def due_in(self, view):\n    return '5'"),
        told=(SAYS + "raised TypeError: due_in returned str, not a finite number of seconds",),
    ),
    Hostile(
        "is-due-in-no-number",
        "Unknown.",
        judging("return True", "def due_in(self, view):\n    return float('nan')"),
        told=(SAYS + "raised TypeError: due_in returned float, not a finite number of seconds",),
    ),
    Hostile(
        "is-due-at-once-for-ever",
        "It is asked at most every millisecond, so the clock goes on.",
        judging("return True", "def due_in(self, view):\n    return -1"),
        fires=3,
    ),
    Hostile(
        "raises-at-compile",
        "Unknown.",
        judging("return True", "def compile(self, bind):\n    raise LookupError('where')"),
        told=(SAYS + "raised LookupError: where",),
    ),
    Hostile(
        "compiles-to-a-number",
        "Unknown.",
        judging("return True", "def compile(self, bind):\n    return 7"),
        told=(SAYS + "raised TypeError: 'int' object is not callable",),
    ),
    Hostile(
        "compiles-to-a-check-that-raises",
        "Unknown.",
        judging("return True", "def compile(self, bind):\n    return lambda now_us: now_us / 0"),
        told=(SAYS + "raised ZeroDivisionError: division by zero",),
    ),
    Hostile(
        "compiles-to-a-check-that-answers-in-words",
        "Unknown.",
        judging("return True", "def compile(self, bind):\n    return lambda now_us: 'yes'"),
        told=(SAYS + "returned str, not True, False or None",),
    ),
    Hostile(
        "wakes-in-the-past",
        "It is woken a millisecond later, so the clock goes on.",
        judging("return True", "def compile(self, bind):\n    return lambda now_us: bind.wake(0) or True"),
        fires=3,
    ),
    Hostile(
        "wakes-at-a-text",
        "Unknown.",
        judging("return True", "def compile(self, bind):\n    return lambda now_us: bind.wake('soon')"),
        told=(SAYS + "raised TypeError: wake takes whole microseconds, not str",),
    ),
    Hostile(
        "spoils-the-functions-of-expressions",
        "Unknown; functions stay there for others.",
        judging("return True", "def compile(self, bind):\n    bind.functions['abs'] = None"),
        told=(SAYS + "raised TypeError: 'mappingproxy' object does not support item assignment",),
    ),
    Hostile(
        "starts-a-thread",
        "It works: in the engine's process a thread is the plugin's own affair, as is all that it does there.",
        judging("thread = threading.Thread(target=str)\nthread.start()\nthread.join()\nreturn True"),
        fires=3,
    ),
]

ACTING = [
    Hostile(
        "raises-at-effects",
        "The action fails; the firing is counted.",
        offering(
            "action",
            """
            class Hostile(Action):
                type = "hostile"
                def perform(self, call, services): pass
                def effects(self, config):
                    if not hasattr(self, "asked"):
                        self.asked = True
                        return ()
                    raise ValueError("no effect")
            """,
        ),
        rule=ACTS,
        told=("action hostile of plugin hostile raised ValueError: no effect",),
        fires=3,
    ),
    Hostile(
        "has-effects-that-are-none",
        "The action fails; the firing is counted.",
        offering(
            "action",
            """
            class Hostile(Action):
                type = "hostile"
                def perform(self, call, services): pass
                def touches_subject(self): return False
                def effects(self, config): return ["on"]
            """,
        ),
        rule=ACTS,
        told=("action hostile of plugin hostile raised TypeError: effects returned str, not Effect",),
        fires=3,
    ),
    Hostile(
        "raises-at-consequences",
        "It has none.",
        offering(
            "action",
            """
            class Hostile(Action):
                type = "hostile"
                def consequences(self, config): raise ValueError("no consequence")
            """,
        ),
        rule=ACTS,
        told=("action hostile of plugin hostile raised ValueError: no consequence",),
        fires=3,
    ),
    Hostile(
        "raises-at-schedule",
        "The trigger has no schedule.",
        offering(
            "trigger",
            "class Hostile(Trigger):\n    type = 'hostile'\n    def schedule(self, place):\n        sys.exit('when?')",
        ),
        rule=ALWAYS,
        told=("trigger hostile of plugin hostile raised SystemExit: when?",),
    ),
    Hostile(
        "goes-back-in-time",
        "The schedule has no further runs.",
        offering(
            "trigger",
            """
            class Back:
                def next_after(self, after_us): return after_us
            class Hostile(Trigger):
                type = "hostile"
                def schedule(self, place): return Back()
            """,
        ),
        rule=ALWAYS,
        told=("trigger hostile of plugin hostile named a next run that is no later instant …",),
    ),
    Hostile(
        "runs-every-microsecond",
        "It runs every millisecond, so the clock goes on.",
        offering(
            "trigger",
            """
            class Eager:
                def next_after(self, after_us): return after_us + 1
            class Hostile(Trigger):
                type = "hostile"
                def schedule(self, place): return Eager()
            """,
        ),
        rule=ALWAYS,
        fires=2_999,
    ),
    Hostile(
        "raises-at-the-next-run",
        "The schedule has no further runs.",
        offering(
            "trigger",
            """
            class Torn:
                def next_after(self, after_us): sys.exit("torn")
            class Hostile(Trigger):
                type = "hostile"
                def schedule(self, place): return Torn()
            """,
        ),
        rule=ALWAYS,
        told=("trigger hostile of plugin hostile raised SystemExit: torn",),
    ),
    Hostile(
        "raises-in-an-expression",
        "The expression is unknown; the function is told of once, not by rule.",
        offering("function", "def call(x):\n    raise ValueError('odd')", "Function('hostile', call)"),
        rule=ASKS,
        told=("function hostile of plugin hostile raised ValueError: odd",),
    ),
    Hostile(
        "exits-in-an-expression",
        "The expression is unknown.",
        offering("function", "", "Function('hostile', lambda x: sys.exit(x))"),
        rule=ASKS,
        told=("function hostile of plugin hostile raised SystemExit: 25.0", "…: 26.0", "…: 27.0"),
    ),
    Hostile(
        "returns-a-list-in-an-expression",
        "The expression is unknown.",
        offering("function", "", "Function('hostile', lambda x: [x])"),
        rule=ASKS,
        told=("function hostile of plugin hostile returned list, not a finite number, a text or a truth",),
    ),
    Hostile(
        "raises-in-a-custom-condition",
        "Unknown; the function's plugin is named, not the one of custom.",
        offering(
            "function",
            "def call(view, params):\n    raise ValueError('odd')",
            "Function('hostile', call, condition=True, reads=('temperature',))",
        ),
        rule=CUSTOM,
        told=("condition custom: function hostile of plugin hostile raised ValueError: odd",),
    ),
    Hostile(
        "returns-a-number-in-a-custom-condition",
        "Unknown.",
        offering(
            "function",
            "",
            "Function('hostile', lambda view, params: 1, condition=True, reads=('temperature',))",
        ),
        rule=CUSTOM,
        told=("condition custom: function hostile of plugin hostile returned int, not True, False or None",),
    ),
]

ENDED = [
    Hostile(
        "hangs-at-import",
        "It is ended and skipped.",
        "import time\ntime.sleep(1000)",
        "cannot be imported in a process of its own: it did not answer within 2 s",
        isolated=True,
        load_seconds=2.0,
    ),
    Hostile(
        "ends-the-process-at-import",
        "It is skipped; only its own process ends.",
        "import os\nos._exit(7)",
        "cannot be imported in a process of its own: it ended its process with exit code 7",
        isolated=True,
    ),
    Hostile(
        "takes-all-memory-at-import",
        "It is skipped.",
        "x = [bytearray(10_000_000) for _ in range(1_000)]",
        "cannot be imported in a process of its own: it raised MemoryError",
        isolated=True,
    ),
    Hostile(
        "hangs-at-registration",
        "It is ended; that hook's things are left out.",
        module("@hookimpl\ndef whenthen_conditions():\n    time.sleep(1000)"),
        "whenthen_conditions did not answer within 1 s; strike 1 of 3",
        isolated=True,
        deadline_seconds=1.0,
    ),
    Hostile(
        "registers-what-is-no-class-isolated",
        "That thing is left out, in the same words as in one process.",
        offering("condition", "", "'comparison'"),
        "'comparison' is not a subclass of whenthen.Condition",
        isolated=True,
    ),
    Hostile(
        "asks-for-a-newer-contract-isolated",
        "It is skipped before its hooks are called.",
        judging("return True", before="whenthen_api = 99"),
        "was written for version 99 of the plugin contract, this whenthen speaks 1; …",
        isolated=True,
    ),
    Hostile(
        "misspells-a-hook-isolated",
        "It is skipped, and told the hook's real name.",
        module("@hookimpl\ndef whenthen_conditons():\n    return []"),
        "there is no hook whenthen_conditons; did you mean whenthen_conditions?",
        isolated=True,
    ),
    Hostile(
        "only-compiles",
        "That thing is left out: a check cannot cross to another process.",
        judging("")
        .replace("def evaluate(self, view)", "def compile(self, bind)")
        .replace(":\n\n@", ": return len\n\n@"),
        "condition 'hostile' has only compile, which works where the engine is; write evaluate",
        isolated=True,
    ),
    Hostile(
        "sleeps",
        "It is ended; unknown.",
        judging("time.sleep(1000)"),
        told=(SAYS + "did not answer within 1 s; strike 1 of 1", SAYS + "is quarantined after 1 strike; …"),
        isolated=True,
        deadline_seconds=1.0,
        strikes=1,
    ),
    Hostile(
        "spins",
        "It is ended; unknown.",
        judging("while True:\n    pass"),
        told=(SAYS + "did not answer within 1 s; strike 1 of 1", SAYS + "is quarantined after 1 strike; …"),
        isolated=True,
        deadline_seconds=1.0,
        strikes=1,
    ),
    Hostile(
        "spins-where-no-python-runs",
        "It is ended, though it never gives a thread of its own a chance; unknown.",
        judging("return 9 ** 9 ** 9 > 1"),
        told=(SAYS + "did not answer within 1 s; strike 1 of 1", SAYS + "is quarantined after 1 strike; …"),
        isolated=True,
        deadline_seconds=1.0,
        strikes=1,
    ),
    Hostile(
        "takes-all-memory",
        "Unknown: it meets its own limit, not the machine's.",
        judging("return [bytearray(10_000_000) for _ in range(1_000)]"),
        told=(SAYS + "raised MemoryError",),
        isolated=True,
    ),
    Hostile(
        "ends-the-process",
        "Only its own process ends; it is started anew, and quarantined when it has no strikes left.",
        judging("os._exit(3)"),
        told=(
            SAYS + "ended its process with exit code 3; strike 1 of 2",
            SAYS + "ended its process with exit code 3; strike 2 of 2",
            SAYS + "is quarantined after 2 strikes; at the last it ended its process with exit code 3",
        ),
        strikes=2,
        isolated=True,
    ),
    Hostile(
        "crashes",
        "Only its own process ends.",
        judging("os.kill(os.getpid(), signal.SIGSEGV)"),
        told=(SAYS + "was ended by SIGSEGV; strike 1 of 1", SAYS + "is quarantined after 1 strike; …"),
        isolated=True,
        strikes=1,
    ),
    Hostile(
        "closes-every-file",
        "It is ended.",
        judging("os.closerange(0, 64)\nreturn True"),
        told=(SAYS + "…; strike 1 of 1", SAYS + "is quarantined after 1 strike; …"),
        isolated=True,
        strikes=1,
    ),
    Hostile(
        "writes-into-every-file",
        "It is ended: what is no answer is none.",
        judging(
            """
            for fd in range(3, 64):
                try:
                    os.write(fd, b"not an answer\\n")
                except OSError:
                    pass
            return True
            """
        ),
        told=(SAYS + "wrote among its answers what is no answer; strike 1 of 1", SAYS + "is quarantined after 1 …"),
        isolated=True,
        strikes=1,
    ),
    Hostile(
        "forges-an-answer",
        "It is ended: an answer that nobody asked for is none.",
        judging(
            """
            for fd in range(3, 64):
                try:
                    os.write(fd, b'{"id":99,"ok":{"truth":true}}\\n')
                except OSError:
                    pass
            return False
            """
        ),
        told=(SAYS + "wrote among its answers what nobody asked for; strike 1 of 1", SAYS + "is quarantined after 1 …"),
        isolated=True,
        strikes=1,
    ),
    Hostile(
        "answers-at-great-length",
        "It is ended.",
        judging("view.state['x'] = 'x' * 5_000_000\nreturn True"),
        told=(SAYS + "answered more than 1,000,000 bytes; strike 1 of 1", SAYS + "is quarantined after 1 …"),
        isolated=True,
        strikes=1,
    ),
    Hostile(
        "prints",
        "It works; what it prints goes to standard error, so that a program's output stays whole.",
        judging("print('{}')\nsys.__stdout__.write('{}')\nos.write(1, b'{}')\nreturn True"),
        fires=3,
        isolated=True,
    ),
    Hostile(
        "waits-for-a-person",
        "Unknown: there is nobody to answer.",
        judging("return input()"),
        told=(SAYS + "raised EOFError: EOF when reading a line",),
        isolated=True,
    ),
    Hostile(
        "looks-for-secrets",
        "Unknown: it is given next to nothing of the environment.",
        judging("return os.environ['WHENTHEN_SECRET'] == ''"),
        told=(SAYS + "raised KeyError: 'WHENTHEN_SECRET'",),
        isolated=True,
    ),
    Hostile(
        "starts-threads-that-spin",
        "It works as long as it answers in time.",
        judging(
            """
            def spin():
                while True:
                    time.sleep(0.001)
            for _ in range(4):
                threading.Thread(target=spin, daemon=False).start()
            return True
            """
        ),
        fires=3,
        isolated=True,
    ),
    Hostile(
        "opens-files-without-end",
        "Unknown: it meets its own limit, not the program's.",
        judging("return [os.dup(1) for _ in range(1_000)]"),
        told=(SAYS + "raised OSError: [Errno 24] Too many open files",),
        isolated=True,
    ),
    Hostile(
        "raises-at-evaluate-isolated",
        "Unknown, in the same words as in one process.",
        judging("raise ValueError('bad')"),
        told=(SAYS + "raised ValueError: bad",),
        isolated=True,
    ),
    Hostile(
        "exits-at-evaluate-isolated",
        "Unknown; even its own process goes on.",
        judging("sys.exit(9)"),
        told=(SAYS + "raised SystemExit: 9",),
        isolated=True,
    ),
    Hostile(
        "returns-a-coroutine-isolated",
        "Unknown.",
        judging("return later()", before="async def later():\n    return True"),
        told=(SAYS + "returned coroutine, not True, False or None",),
        isolated=True,
    ),
    Hostile(
        "remembers-an-object-isolated",
        "Unknown: what cannot be kept is refused at once.",
        judging("view.state['self'] = self\nreturn True"),
        told=(SAYS + "remembers what a restart cannot keep: hostile.Hostile cannot cross to another process",),
        isolated=True,
    ),
    Hostile(
        "hangs-when-a-rule-is-read",
        "It is ended; the rule is refused.",
        judging("return True", "def problems(self):\n    time.sleep(1000)"),
        refused="/conditions/0: condition hostile of plugin hostile did not answer within 1 s; strike 1 of 3 …",
        isolated=True,
        deadline_seconds=1.0,
    ),
    Hostile(
        "hangs-in-an-expression",
        "It is ended; the expression is unknown.",
        offering("function", "", "Function('hostile', lambda x: time.sleep(1000))"),
        rule=ASKS,
        told=(
            "function hostile of plugin hostile did not answer within 1 s; strike 1 of 1",
            "function hostile of plugin hostile is quarantined after 1 …",
        ),
        isolated=True,
        deadline_seconds=1.0,
        strikes=1,
    ),
    Hostile(
        "hangs-at-the-next-run",
        "It is ended; the schedule has no further runs.",
        offering(
            "trigger",
            """
            class Slow:
                def next_after(self, after_us): time.sleep(1000)
            class Hostile(Trigger):
                type = "hostile"
                def schedule(self, place): return Slow()
            """,
        ),
        rule=ALWAYS,
        told=("trigger hostile of plugin hostile did not answer within 1 s; strike 1 of 1",),
        isolated=True,
        deadline_seconds=1.0,
        strikes=1,
    ),
]

ALL = [*LOADED, *READ, *JUDGED, *ACTING, *ENDED]
