"""The host: plugins as installers leave them, good and bad, beside each other."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from distributions import WARM, Site

from whenthen.extend.host import load_registry
from whenthen.extend.registry import PluginRecord, Registry


def record(registry: Registry, name: str) -> PluginRecord:
    return next(plugin for plugin in registry.plugins if plugin.name == name)


def why(registry: Registry, name: str) -> str:
    """Return why a plugin is skipped, in its one sentence."""
    found = record(registry, name)
    assert found.status == "skipped"
    [problem] = found.problems
    return problem


def test_an_installed_plugin_is_loaded_with_package_and_version(site: Site) -> None:
    site.install("greenhouse", WARM.format(name="warm"), version="2.1")
    registry = load_registry()
    found = record(registry, "greenhouse")

    assert registry.conditions["warm"].__module__ == "greenhouse"
    assert (found.package, found.version, found.source, found.status) == ("greenhouse", "2.1", "greenhouse", "loaded")
    assert (found.registered, found.problems) == ({"condition": ["warm"]}, [])


def test_a_plugin_is_there_since_its_metadata_were_written(site: Site) -> None:
    metadata = site.install("greenhouse", WARM.format(name="warm"))
    os.utime(metadata, (1_767_225_600, 1_767_225_600))

    assert record(load_registry(), "greenhouse").since == "2026-01-01T00:00:00+00:00"


def test_an_entry_point_may_name_an_object_in_a_module(site: Site) -> None:
    source = """
        from whenthen import Function, hookimpl

        class Plugin:
            @hookimpl
            def whenthen_functions(self):
                return [Function("double", lambda value: 2 * value)]

        plugin = Plugin()
    """
    site.install("doubling", source, points="[whenthen]\ndoubling = doubling:plugin\n")

    assert load_registry().functions["double"].call(4) == 8


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('bye')", "cannot be imported: SystemExit: bye"),
        ("raise BaseException", "cannot be imported: BaseException"),
        ("def f(:", "cannot be imported: SyntaxError: invalid syntax (broken.py, line 1)"),
        ("whenthen_api = 2", "was written for version 2 of the plugin contract, this whenthen speaks 1; "),
        ("whenthen_api = '1'", "whenthen_api is '1'; write the number of the plugin contract, whenthen_api = 1"),
        ("whenthen_api = True", "whenthen_api is True; write the number"),
        ("x = 1", "registers nothing: no function in it is marked with @whenthen.hookimpl"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_skipped_with_a_sentence_and_the_rest_goes_on(
    site: Site, line: str, said: str
) -> None:
    site.install("broken", line)
    site.install("sound", WARM.format(name="warm"))
    registry = load_registry()

    assert why(registry, "broken").startswith(said)
    assert record(registry, "builtin").status == record(registry, "sound").status == "loaded"
    assert "warm" in registry.conditions


def test_the_users_interrupt_passes_through(site: Site) -> None:
    site.install("broken", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load_registry()


def test_an_error_that_cannot_be_shown_is_told_all_the_same(site: Site) -> None:
    source = """
        class Sly(Exception):
            def __str__(self):
                raise SystemExit

        raise Sly
    """
    site.install("sly", source)

    assert why(load_registry(), "sly") == "cannot be imported: Sly: (its message raises, too)"


def test_a_plugin_says_which_contract_it_was_written_for(site: Site) -> None:
    site.install("greenhouse", "whenthen_api = 1\n" + dedent(WARM).format(name="warm"))
    registry = load_registry()

    assert (record(registry, "greenhouse").api, record(registry, "greenhouse").status) == (1, "loaded")


def test_an_entry_point_that_names_a_class_is_told_to_name_an_instance(site: Site) -> None:
    source = """
        from whenthen import hookimpl

        class Plugin:
            @hookimpl
            def whenthen_conditions(self):
                return []
    """
    site.install("classy", source, points="[whenthen]\nclassy = classy:Plugin\n")

    assert why(load_registry(), "classy") == "class Plugin is a class; let the entry point name a module or an instance"


def test_an_entry_point_that_leads_nowhere_is_reported(site: Site) -> None:
    site.install("lost", "x = 1", points="[whenthen]\nlost = lost:plugin\n")

    assert why(load_registry(), "lost").startswith("cannot be imported: AttributeError: ")


def test_torn_metadata_of_one_package_do_not_cost_the_others(site: Site) -> None:
    site.install("torn", "x = 1", points="[whenthen]\nno equals sign here\n")
    site.install("sound", WARM.format(name="warm"))
    registry = load_registry()

    assert why(registry, "torn-1.0.dist-info").startswith("its package's metadata cannot be read: ")
    assert "warm" in registry.conditions


def test_metadata_without_a_name_are_survived(site: Site) -> None:
    metadata = site.install("nameless", WARM.format(name="warm"))
    (metadata / "METADATA").unlink()
    registry = load_registry()

    assert (record(registry, "nameless").package, record(registry, "nameless").status) == ("", "loaded")


def test_torn_metadata_that_say_nothing_of_whenthen_are_none_of_our_business(site: Site) -> None:
    site.install("torn", "x = 1", points="[console_scripts]\nno equals sign here\n")

    assert [plugin.name for plugin in load_registry().plugins] == ["builtin"]


def test_a_name_that_is_taken_stays_with_the_first_and_both_are_named(site: Site) -> None:
    site.install("aa", WARM.format(name="warm"))
    site.install("bb", WARM.format(name="warm"))
    registry = load_registry()

    assert registry.owner("condition", "warm") == "aa"
    assert why(registry, "bb") == "condition 'warm' is already registered by aa, which keeps it"


def test_no_plugin_takes_a_built_ins_name_even_when_it_comes_first_on_the_path(site: Site) -> None:
    site.install("aa", WARM.format(name="comparison"))
    registry = load_registry()

    assert registry.owner("condition", "comparison") == "builtin"
    assert why(registry, "aa") == "condition 'comparison' is already registered by builtin, which keeps it"


def test_a_plugin_whose_own_name_is_taken_is_skipped(site: Site) -> None:
    site.install("aa", WARM.format(name="warm"), points="[whenthen]\ngreenhouse = aa\n")
    site.install("bb", WARM.format(name="cold"), points="[whenthen]\ngreenhouse = bb\n")
    registry = load_registry()
    [_, first, second] = registry.plugins

    assert (first.status, second.status) == ("loaded", "skipped")
    assert second.problems == ["its name is already taken by aa, which keeps it"]
    assert "cold" not in registry.conditions


def test_of_two_versions_of_a_package_the_first_on_the_path_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("greenhouse", WARM.format(name="old"), version="1.0")
    (tmp_path / "nearer").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "nearer")
    Site(tmp_path / "nearer").install("greenhouse", WARM.format(name="new"), version="2.0")
    registry = load_registry()

    assert [plugin.version for plugin in registry.plugins if plugin.name == "greenhouse"] == ["2.0"]
    assert "new" in registry.conditions


def test_what_a_plugin_prints_while_it_loads_does_not_reach_standard_output(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("chatty", "print('hello')\n" + dedent(WARM).format(name="warm"))
    load_registry()

    assert capsys.readouterr() == ("", "hello\n")


def test_a_plugin_that_is_switched_off_is_not_even_imported(site: Site) -> None:
    site.install("broken", "1 / 0")
    registry = load_registry(disabled=["broken"])

    assert why(registry, "broken") == "switched off by name"
    assert record(registry, "broken").switched_off
    assert "broken" not in sys.modules


@pytest.mark.parametrize(("option", "said"), [("disabled", "switched off"), ("isolated", "isolated")])
def test_a_wish_about_a_plugin_that_is_not_there_is_told_with_the_nearest_name(option: str, said: str) -> None:
    registry = load_registry(**{option: ["bultin"]})  # type: ignore[arg-type]

    assert why(registry, "bultin") == (f"was to be {said}, but there is no plugin of this name; did you mean builtin?")
    assert record(registry, "builtin").status == "loaded"


def test_a_wish_about_a_plugin_that_is_near_to_none_is_told_without_a_guess() -> None:
    assert why(load_registry(disabled=["zzz"]), "zzz") == (
        "was to be switched off, but there is no plugin of this name"
    )


def test_a_plugin_in_a_zip_is_loaded_though_nobody_knows_since_when(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("zipped", WARM.format(name="warm"))
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", site.folder)
    monkeypatch.setattr(sys, "path", [archive, *(entry for entry in sys.path if entry != str(site.folder))])
    found = record(load_registry(), "zipped")

    assert (found.status, found.since, found.version) == ("loaded", None, "1.0")


def test_files_of_a_folder_join_after_the_installed_in_order_of_their_names(site: Site, tmp_path: Path) -> None:
    site.install("zz", WARM.format(name="z_warm"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("beta", "alpha"):
        (folder / f"{name}.py").write_text(dedent(WARM).format(name=f"{name}_warm"), encoding="utf-8")
    registry = load_registry(folder=folder)

    assert [plugin.name for plugin in registry.plugins] == ["builtin", "zz", "alpha", "beta"]
    assert record(registry, "alpha").source == str(folder / "alpha.py")
    assert datetime.fromisoformat(str(record(registry, "alpha").since)).utcoffset() == timedelta(0)
    assert {"alpha_warm", "beta_warm", "z_warm"} <= registry.conditions.keys()


def test_a_bad_file_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "Bad-Name.py").write_text("", encoding="utf-8")
    (tmp_path / "good.py").write_text(dedent(WARM).format(name="warm"), encoding="utf-8")
    registry = load_registry(folder=tmp_path)

    assert why(registry, "bad") == "cannot be imported: ZeroDivisionError: division by zero"
    assert why(registry, "Bad-Name") == "Bad-Name.py needs a name in snake_case: it is the plugin's name"
    assert "warm" in registry.conditions


@pytest.mark.skipif(os.name != "posix", reason="only POSIX says who may write (not part of the repository)")
@pytest.mark.parametrize("isolated", [(), ("open",)])
def test_a_file_to_which_anybody_may_write_is_run_neither_here_nor_in_a_process_of_its_own(
    tmp_path: Path, isolated: tuple[str, ...]
) -> None:
    (tmp_path / "open.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "open.py").chmod(0o666)

    assert why(load_registry(folder=tmp_path, isolated=isolated), "open").startswith(
        "anybody on this machine may write"
    )


def test_a_folder_that_cannot_be_used_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    registry = load_registry(folder=tmp_path / "nowhere")

    assert why(registry, "nowhere") == f"{tmp_path / 'nowhere'} cannot be read: No such file or directory"
    assert "comparison" in registry.conditions


def test_an_object_that_is_neither_installed_nor_a_file_cannot_be_isolated() -> None:
    registry = load_registry(extra=[("mine", object())], isolated=["mine"])

    assert why(registry, "mine") == "cannot be isolated: it is neither installed nor a file"


def test_a_plugin_to_be_isolated_is_not_imported_here(site: Site) -> None:
    site.install("caged", WARM.format(name="warm"))
    registry = load_registry(isolated=["caged"])

    assert record(registry, "caged").isolated
    assert not any("neither installed" in problem for problem in record(registry, "caged").problems)
    assert "caged" not in sys.modules
