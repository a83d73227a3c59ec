"""Hostile expressions are refused or harmless, quickly; and no text at all raises anything undeclared."""

from __future__ import annotations

import gc
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen import Expression, ExpressionError
from whenthen.dsl.template import Template
from whenthen.errors import TemplateError
from whenthen_plugins.functions import FUNCTIONS

CALLS = {function.name: function.call for function in FUNCTIONS if not function.condition}
LIMIT_S = 0.1

# What has led out of evaluators before: one expression a line.
ESCAPES = r"""
().__class__.__base__.__subclasses__()
''.__class__.__mro__[1]
(1).__class__
d['__class__']
fn.__globals__
fn.func_globals
fn.__code__
fn.__closure__
fn.__self__
fn.__builtins__
fn.__reduce_ex__(2)
print.__reduce__()
obj.__dict__
obj._x
obj.m.__func__.__globals__
d.get.__self__
obj.__init_subclass__
obj.gen().gi_frame.f_globals
obj.gen().gi_frame.f_back.f_builtins
obj.gen().gi_code
obj.gen().throw
obj.co().cr_frame
obj.agen().ag_frame
e.__traceback__.tb_frame
e.obj
obj.mro()
'{0.__class__}'.format(obj)
'{x.__class__}'.format_map(d)
str.format
f'{obj.__class__}'
f'{obj!r}'
'%r'%fn
['{0.__class__}'.format][0](obj)
''|attr('format')
string.Formatter().get_field('0.__class__',(obj,),{})
path.os.popen('id')
statistics.sys.modules
[exec][0]('1')
{'k':exec}['k']('1')
{exec}
get_evil()('1')
operator.attrgetter('__class__')(1)
operator.methodcaller('x')
operator.call(fn)
operator.itemgetter(0)
map(exec,['1'])
sorted(['1'],key=exec)
(lambda:1)()
[c for c in ().__class__.__mro__]
(c for c in d)
{c for c in d}
{c: c for c in d}
(x:=5)
x = 5
d = 5
*lst
{**d}
max(*lst)
max(**d)
max(1, key=fn)
import os
__import__('os')
__import__
__builtins__
eval('1')
exec('1')
open('f')
getattr(1,'real')
type(1)
globals()
vars()
breakpoint()
abs.__self__
abs(1)(2)
abs
(abs if 1 > 0 else max)(1)
1;2
1#
await obj.co()
yield(1)
d.clear()
lst.append(1)
d.setdefault('z',1)
d.update(a=2)
1 in lst
d is d
None
...
1j
b'x'
'a' 'b' == x
"""

# What has kept evaluators busy, or filled their memory.
BOMBS = r"""
9**9**9
10**4000000
3999999**3999999
2**-1
1<<10**9
'a'*10**9
'a'*1000000000
'a'.center(10**9)
'a'.zfill(10**10)
'%1000000000d'%1
'%*d'%(10**9,1)
f'{1:1000000000}'
(255).to_bytes(2000000000,'big')
'a'.join(['b'*9999]*9999)
lst[10**9]
float('nan')>1
float('1e400')
1e400
1e400 > 1
-1e400
1e308*10
1e308+1e308 > 1
int(float('inf'))
(-8)**0.5>1
1/0
1//0
1%0
1.0//1e-320
0**-1
'a'>1
None>1
not 'a'
randint(10**30)
round(1, 1000000000)
round(1e308, -400)
9007199254740993
99999999999999999999999999999999999999999999999999999999999
0x7fffffffffffffffffffffffffffffffffffffffffffffffffffff
"""

GENERATED = (
    "",
    " ",
    "\t",
    '"a\n+1"',
    "1\n2",
    "1\r2",
    "1\x002",
    "\ud800",
    "\ufeff1",
    "fn.__\uff47lobals__",
    "().__\uff43lass__",
    "(" * 500 + ")" * 500,
    "(" * 150 + "1" + ")" * 150,
    "(" * 450 + "1" + ")" * 450,
    "[" * 900,
    "not " * 5_000 + "1",
    "not " * 240 + "true",
    "-" * 20_000 + "1",
    "-" * 990 + "1",
    "1" + "+1" * 20_000,
    "1" + "+1" * 490,
    "9007199254740992" + "*9007199254740992" * 50,
    "*".join(["9007199254740992"] * 39),
    "max(" * 150 + "1" + ")" * 150,
    "1 if true else " * 60 + "1",
    "1" + "<2" * 400,
    "9" * 990,
    "'" + "a" * 990 + "'",
    "max(" + "1," * 400 + "1)",
)

CORPUS = [*ESCAPES.strip().splitlines(), *BOMBS.strip().splitlines(), *GENERATED]


def evil(*_arguments: Any) -> Any:
    raise AssertionError("code of the host was called")


class Object:
    m = evil
    gen = evil


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_hostile_expressions_are_refused_or_harmless_and_quick(text: str) -> None:
    names: dict[str, Any] = {"obj": Object(), "fn": evil, "d": {"a": 1}, "lst": [1], "x": 1.0, "e": ValueError("x")}
    before = deepcopy({"d": names["d"], "lst": names["lst"]})
    gc.collect()  # a collection of what other tests left behind is not the expression's
    began_s = time.thread_time()
    result = outcome(text, names)
    took_s = time.thread_time() - began_s

    assert result is None or isinstance(result, int | float | str)
    assert {"d": names["d"], "lst": names["lst"]} == before
    assert took_s < LIMIT_S


def outcome(text: str, names: dict[str, Any]) -> Any:
    """Return what the expression gives, ``None`` when it is refused or unknown."""
    try:
        return Expression.parse(text, CALLS).evaluator(CALLS)(names)
    except ExpressionError:
        return None


@pytest.mark.parametrize("text", [text for text in ESCAPES.strip().splitlines() if text not in {"1#", "abs"}])
def test_every_way_out_is_refused_before_anything_runs(text: str) -> None:
    if text == "'a' 'b' == x":  # two texts side by side are one, which is only odd
        return
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text, CALLS)

    assert caught.value.hint


WORDS = st.sampled_from(
    [
        "a",
        "b",
        "1",
        "2.5",
        "'x'",
        "true",
        "and",
        "or",
        "not",
        "if",
        "else",
        "(",
        ")",
        ",",
        "abs",
        "max",
        "<",
        "==",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        ".",
        "[",
        "]",
        "{",
        "}",
        ":",
        ":=",
        "lambda",
        "in",
        "is",
        "=",
        "é",
    ]
)
SENTENCES = st.lists(WORDS, max_size=20).map(" ".join)
VALUES = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(), st.booleans(), st.text(max_size=5), st.none(), st.lists(st.integers())
)


@given(st.one_of(st.text(), SENTENCES))
def test_arbitrary_text_is_an_expression_or_an_expression_error(text: str) -> None:
    try:
        expression = Expression.parse(text, CALLS)
    except ExpressionError:
        return

    assert "abs" not in expression.calls or "abs" in text


@given(SENTENCES, VALUES, VALUES)
def test_whatever_the_values_an_evaluation_gives_a_scalar_or_unknown(text: str, a: Any, b: Any) -> None:
    try:
        expression = Expression.parse(text, CALLS)
    except ExpressionError:
        return
    result = expression.evaluator(CALLS)({"a": a, "b": b})

    assert result is None or isinstance(result, int | float | str)


OPERANDS = st.sampled_from(["a", "b", "1", "2.5", "-3", "0"])
NUMBERS = st.recursive(
    OPERANDS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("abs({})".format),
        inner.map("-({})".format),
    ),
    max_leaves=6,
)
TRUTHS = st.recursive(
    st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("not ({})".format),
        st.tuples(inner, inner, inner).map("(({0[0]}) if ({0[1]}) else ({0[2]}))".format),
    ),
    max_leaves=4,
)
# Coarse, so that no quotient of theirs overflows: ours would be unknown then, Python's infinite.
FINITE = st.one_of(st.integers(-1_000, 1_000), st.floats(-1e3, 1e3).map(lambda number: round(number, 6)))


@given(TRUTHS, FINITE, FINITE)
def test_on_numbers_an_expression_means_what_it_means_in_python(text: str, a: float, b: float) -> None:
    expression = Expression.parse(text, CALLS)
    names = {name: {"a": a, "b": b}[name] for name in expression.names}
    try:
        expected = eval(text, {"abs": abs}, {"a": a, "b": b})  # noqa: S307 - made here, from the parts above
    except (ArithmeticError, ValueError):
        expected = None

    assert expression.evaluator(CALLS)(names) is expected


BRACES = st.lists(st.sampled_from(["{", "}", "a", ":", ".1f", "d", " ", "b.c", "!r", "[0]"])).map("".join)


@given(st.one_of(st.text(), BRACES))
def test_arbitrary_text_is_a_template_or_a_template_error(text: str) -> None:
    try:
        template = Template.compile(text)
    except TemplateError:
        return

    assert template.render(dict.fromkeys(template.names, 1.5).get) is not None


@given(st.text())
def test_text_with_its_braces_doubled_comes_out_as_it_was(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert Template.compile(doubled).render(lambda _name: None) == text
