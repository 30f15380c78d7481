"""Writing a file of recordings: full disks, read-only places, threads, what is dropped, branches that are merged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from recorded import record_of, texts

from jupyter_prem.records import Cassette, CassetteError

SUPPORT = str(Path(__file__).parents[1] / "support")


def test_a_link_is_not_written_through(cassette, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_bytes(b"")
    cassette.path.symlink_to(target)
    with pytest.raises(CassetteError, match="is a link"):
        cassette.add(record_of("one"))
    assert target.read_bytes() == b""


def test_a_full_disk_is_named_and_nothing_is_lost():
    full = Cassette("/dev/full")  # each write to it fails as on a full disk
    with pytest.raises(CassetteError, match="The disk is full") as caught:
        full.add(record_of("one"))
    assert caught.value.where == "in /dev/full"
    assert "what was recorded before" in caught.value.hint


LIMITED = """
import resource, signal, sys
from jupyter_prem.records import Cassette, CassetteError
sys.path.insert(0, {here!r})
from recorded import record_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cassette = Cassette({path!r})
cassette.add(record_of("one"))
size = cassette.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
try:
    cassette.add(record_of("two"))
except CassetteError as error:
    print(error.what)
print(cassette.path.stat().st_size == size)
"""


def test_what_fits_in_part_leaves_no_trace(cassette):
    code = LIMITED.format(here=SUPPORT, path=str(cassette.path))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == [
        "The answer was not recorded. The file cannot be written (File too large).",
        "True",
    ], ran.stderr
    assert texts(cassette) == ["yes"]


READ_ONLY = """
import os, sys
from jupyter_prem.records import Cassette, CassetteError
sys.path.insert(0, {here!r})
from recorded import record_of
import portalocker
two = record_of("two")
if os.getuid() == 0:
    os.seteuid(65534)  # whom a file mode holds for
for path in {paths!r}:
    try:
        Cassette(path).add(two)
    except CassetteError as error:
        print(error.what)
"""


def test_a_file_and_a_folder_that_are_read_only(tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/tmp"):  # noqa: S108 - pytest's own are private
            parent.chmod(parent.stat().st_mode | 0o055)
    file = Cassette(tmp_path / "a.chat.jsonl")
    file.add(record_of("one"))
    file.path.chmod(0o444)
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o555)
    paths = [str(file.path), str(folder / "b.chat.jsonl"), str(tmp_path / "none" / "c.chat.jsonl")]
    code = READ_ONLY.format(here=SUPPORT, paths=paths)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert ran.stdout.splitlines() == [
        "The answer was not recorded. The file cannot be written (Permission denied).",
        "The answer was not recorded. The file cannot be written (Permission denied).",
        f"The answer was not recorded. There is no folder {tmp_path / 'none'}.",
    ], ran.stderr
    assert texts(file) == ["yes"]


def test_threads_that_add_at_once_lose_nothing_and_share_syncs(cassette, monkeypatch):
    syncs = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (syncs.append(handle), real(handle)))
    start = threading.Barrier(16)

    def work(worker):
        start.wait()
        for number in range(20):
            cassette.add(record_of(f"{worker} {number}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Cassette(cassette.path)
    assert len(again) == 320
    assert again.faults == []
    assert len(syncs) < 320


def test_what_is_dropped_goes_and_the_mode_of_the_file_stays(cassette):
    for number in range(4):
        cassette.add(record_of(f"question {number}", f"answer {number}"))
    cassette.add(record_of("question 3", "another"))
    cassette.path.chmod(0o640)
    before = cassette.path.read_bytes().splitlines(keepends=True)
    cassette.drop({(one.key, one.n) for one in cassette if one.response.text == "answer 1"})
    assert texts(Cassette(cassette.path)) == ["answer 0", "answer 2", "another"]
    assert cassette.path.read_bytes() == b"".join([before[0], before[1], before[3], before[5]])
    assert cassette.path.stat().st_mode & 0o777 == 0o640
    assert list(cassette.path.parent.iterdir()) == [cassette.path]
    cassette.add(record_of("last"))
    assert len(Cassette(cassette.path)) == 4


def test_what_others_add_while_something_is_dropped_stays(cassette):
    others = 40

    def add():
        for number in range(others):
            Cassette(cassette.path).add(record_of(f"other {number}"))

    for number in range(10):
        cassette.add(record_of(f"question {number}"))
    places = [(one.key, one.n) for one in cassette]
    thread = threading.Thread(target=add)
    thread.start()
    for place in places:
        cassette.drop({place})
    thread.join()
    assert sorted(one.body["messages"][0]["content"] for one in Cassette(cassette.path)) == sorted(
        f"other {number}" for number in range(others)
    )


def git(folder, *words):
    ran = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return ran.stdout


def test_two_branches_that_record_are_merged(cassette, tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitattributes").write_text("*.chat.jsonl text eol=lf merge=union diff=chat\n")
    cassette.add(record_of("common", "c"))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "checkout", "-qb", "other")
    cassette.add(record_of("theirs", "t"))
    git(tmp_path, "commit", "-qam", "theirs")
    git(tmp_path, "checkout", "-q", "main")
    assert texts(cassette) == ["c"]
    cassette.add(record_of("ours", "o"))
    git(tmp_path, "commit", "-qam", "ours")
    git(tmp_path, "merge", "-q", "other", "-m", "merged")
    merged = Cassette(cassette.path)
    assert sorted(texts(merged)) == ["c", "o", "t"]
    assert merged.faults == []
