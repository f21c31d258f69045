"""Secrets of the environment are found by name and taken out of texts and notebooks."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from repurchase.errors import ReviewError
from repurchase.scrub import scrub_notebook, scrubbed, secrets

SECRET = "hunter2'\"/ä"


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("REPURCHASE_DB_PASSWORD", True), ("PGPASSWORD", True), ("MYSQL_PWD", True),
        ("GITHUB_TOKEN", True), ("AWS_SECRET_ACCESS_KEY", True), ("key", True),
        ("API_KEY_2", True),
        ("OPENAI_APIKEY", True), ("DB_PASS", True), ("db_passwd", True),
        ("PWD", False), ("OLDPWD", False), ("KEYBOARD", False), ("MONKEY", False),
        ("BYPASS", False),
        ("PGPASSFILE", False), ("SSL_KEY_FILE", False), ("LANG", False), ("HOME", False),
    ],
)  # fmt: skip
def test_a_secret_is_told_by_its_name(name, is_secret):
    """And by nothing else; a file's name is none, nor is the folder that one works in."""
    assert is_secret == ("something" in secrets({name: "something"}))


def test_the_password_in_an_address_is_a_secret():
    """Whatever the variable is called; the rest of the address is none."""
    found = secrets({"WAREHOUSE": "postgresql://reader:p%40ssw0rd@db.example/shop"})

    assert {"p%40ssw0rd", "p@ssw0rd"} <= set(found)
    text = "no route to postgresql://reader:p%40ssw0rd@db.example"
    assert "no route to postgresql://reader:[WAREHOUSE]@db.example" == scrubbed(text, found)


@pytest.mark.parametrize("form", [str, repr, json.dumps])
def test_every_way_to_write_a_secret_is_found(form):
    """As it is, as Python shows it, as JSON has it, in an address."""
    found = secrets({"DB_PASSWORD": SECRET})
    text = scrubbed(f"was {form(SECRET)} here; u:hunter2%27%22%2F%C3%A4@h", found)

    assert "hunter2" not in text
    assert 2 == text.count("[DB_PASSWORD]")


def test_figures_and_words_stay():
    """Short values are no secrets; digits are one only where they stand alone."""
    found = secrets({"A_KEY": "true", "B_KEY": "123456", "C_TOKEN": ""})
    text = "true 1,123,456 1123456 123456.5 0.123456"

    assert text == scrubbed(text, found)
    assert "pin [B_KEY]." == scrubbed("pin 123456.", found)


def test_one_secret_within_another_leaves_nothing():
    """The longer goes first, also when it is of several lines."""
    found = secrets({"A_TOKEN": "abcdef", "B_TOKEN": "abcdefgh\nsecond-line"})

    assert "[B_TOKEN] [A_TOKEN] [B_TOKEN]" == scrubbed("abcdefgh\nsecond-line abcdef second-line",
                                                       found)  # fmt: skip


def test_outputs_of_a_notebook_are_scrubbed(tmp_path, monkeypatch):
    """Streams, results, tracebacks and records; what the analyst wrote stays."""
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    outputs = [
        new_output("stream", text=f"it is\n{SECRET}\n"),
        new_output("display_data", data={"text/plain": repr({"SHOP_SECRET": SECRET})}),
        new_output(
            "display_data", data={"application/vnd.x+json": {"deep": [{"er": SECRET, "n": 1}]}}
        ),
        new_output("error", ename="E", evalue=SECRET, traceback=["\x1b[1m", f"E: {SECRET}"]),
    ]
    path = tmp_path / "a.ipynb"
    cell = new_code_cell("word = 'hunter2'", outputs=outputs)
    nbformat.write(new_notebook(cells=[cell]), path)

    assert scrub_notebook(path)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "hunter2" not in json.dumps(notebook.cells[0].outputs)
    assert 4 <= json.dumps(notebook.cells[0].outputs).count("[SHOP_SECRET]")
    assert "word = 'hunter2'" == notebook.cells[0].source
    assert not scrub_notebook(path)


def test_a_notebook_without_secrets_keeps_its_bytes(tmp_path, monkeypatch):
    """Nothing is written; nor is a file that cannot be read an error."""
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    path = tmp_path / "a.ipynb"
    path.write_text('{"cells": []}')

    assert not scrub_notebook(path)
    assert not scrub_notebook(tmp_path / "none.ipynb")
    assert '{"cells": []}' == path.read_text()


def test_no_error_of_ours_says_a_secret(monkeypatch):
    """What, where, rule and remedy."""
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    error = ReviewError("hunter2", where="at hunter2", rule="hunter2", remedy="hunter2")

    assert "hunter2" not in str(error)
    assert "at [PGPASSWORD]" == error.where
