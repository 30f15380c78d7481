"""The names of the package, each imported when it is first used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from jupyter_prem import client


@pytest.mark.parametrize("name", client.__all__)
def test_every_name_is_there_and_is_what_it_says(name):
    value = getattr(client, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__name__ == name


def test_another_name_is_an_error_that_says_so():
    with pytest.raises(AttributeError, match="nonsense"):
        client.nonsense  # noqa: B018 - it is asked for


def test_every_name_can_be_the_first_one():
    code = (
        "import sys, jupyter_prem.client as client\n"
        "for name in client.__all__:\n"
        "    for module in [module for module in sys.modules if module.startswith('jupyter_prem')]:\n"
        "        del sys.modules[module]\n"
        "    getattr(__import__('jupyter_prem.client').client, name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
