"""The tools that `./dev` stands on: what a run of the tests says at its end, and what is fetched."""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import pytest  # noqa: E402

import check_operations  # noqa: E402
import fetch_deps  # noqa: E402
import generate_wire  # noqa: E402
import new_op  # noqa: E402

TALLY = [sys.executable, ROOT / "tools/tally_tests.py"]


def tally(*arguments):
    return subprocess.run([*TALLY, *arguments], capture_output=True, text=True)


def write_results(folder, name, cases):
    (folder / f"{name}.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")


def test_the_last_line_counts_and_the_longest_stand_before_it(tmp_path):
    write_results(tmp_path, "net_test", "".join(
        f'<testcase classname="Net" name="t{i}" time="{i}.0" status="run"/>' for i in range(12)))
    write_results(tmp_path, "python-clients", '<testcase classname="c" name="s" time="0.01"><skipped message="why"/>'
                                              '</testcase>')
    done = tally(tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1] == "12 passed, 0 failed, 1 skipped"
    assert lines[-12:-9] == ["the 10 longest of 13:", "    11.0 s  Net.t11", "    10.0 s  Net.t10"]
    assert "skipped 1 × python-clients: why" in lines


def test_a_failure_is_named_and_is_the_exit_status(tmp_path):
    write_results(tmp_path, "net_test", '<testcase classname="Net" name="bad"><failure message="it broke"/></testcase>')
    done = tally(tmp_path)
    assert done.returncode == 1 and done.stdout.splitlines() == ["FAILED Net.bad: it broke", "0 passed, 1 failed"]


def test_a_run_that_left_no_results_is_a_failure(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build/tests.txt").write_text("net_test\nstore_test\nobjects_slow_test\n")
    results = tmp_path / "results"
    results.mkdir()
    write_results(results, "net_test", '<testcase classname="Net" name="fine" time="0"/>')
    assert tally("--expect", tmp_path / "build", ".", "_slow_test$", results).returncode == 0
    assert tally("--expect-file", "python-clients", results).returncode == 0
    said = tally(results).stdout
    assert "store_test.(all of it)" in said and "python-clients.(all of it)" in said
    assert "objects_slow" not in said and said.splitlines()[-1] == "1 passed, 2 failed"


def test_a_command_that_is_no_test_program_counts_as_one_test(tmp_path):
    assert tally("--note", "formatting", "0", "3", tmp_path).returncode == 0
    assert tally("--note", "clang-tidy", "1", "20", tmp_path).returncode == 0
    said = tally(tmp_path).stdout.splitlines()
    assert said[0] == "FAILED clang-tidy.(all of it): it ended with status 1; see above"
    assert said[-1] == "1 passed, 1 failed"


def test_apts_lists_become_lists_of_source_packages(tmp_path):
    text = "Types: deb\nURIs: http://d\nSuites: x\n\nTypes: deb deb-src\nURIs: http://d\n"
    assert fetch_deps.as_source_list(text).count("Types: deb-src\n") == 2
    assert fetch_deps.as_source_list("deb http://d x main\n#deb http://e\ndeb-src http://f\n") == \
        "deb-src http://d x main\n#deb http://e\ndeb-src http://f\n"


# What ends or removes something runs where the disk is full; what only sounds like it does not.
FREEING = ("Delete", "BatchDelete", "Deactivate", "Abort", "Purge", "Stop", "Remove", "Cancel", "Unsubscribe", "Untag",
           "Detach", "ReceiveMessage", "ChangeMessageVisibility")


def test_each_operation_that_frees_room_says_so_and_no_other():
    for path in (ROOT / "src/service").glob("*/operations.txt"):
        for name, mode in generate_wire.read_operations(path).items():
            if mode.split()[0] in ("write", "bulk"):
                assert ("frees" in mode.split()) == name.startswith(FREEING), f"{path}: {name} {mode}"


def test_a_third_word_that_is_no_mark_is_refused(tmp_path):
    listed = tmp_path / "operations.txt"
    for mode in ("write", "write frees", "write stored", "write frees stored"):
        listed.write_text(f"DeleteQueue {mode}\n")
        assert generate_wire.read_operations(listed) == {"DeleteQueue": mode}
    for line in ("DeleteQueue write often", "DeleteQueue", "DeleteQueue write frees frees", "DeleteQueue write stored frees"):
        listed.write_text(line)
        with pytest.raises(generate_wire.ModelError):
            generate_wire.read_operations(listed)


MODEL = {"metadata": {"endpointPrefix": "birds"},
         "operations": {"PeekQueue": {"input": {"shape": "PeekQueueRequest"}, "output": {"shape": "PeekQueueResult"}},
                        "DropQueue": {"input": {"shape": "DropQueueRequest"}}}}


def door_folder(root, service):
    folder = root / "src/service" / service
    shutil.copytree(ROOT / "src/service" / service, folder)
    (root / "test/clients").mkdir(parents=True)
    shutil.copy(ROOT / "test/clients/refusals.txt", root / "test/clients")
    return folder


@pytest.mark.parametrize("service", ["iam", "s3", "sagemaker", "sns", "sqs", "sts"])
def test_a_new_operation_is_registered_declared_and_refuses_by_name(tmp_path, service):
    folder = door_folder(tmp_path, service)
    for name, answer in (("PeekQueue", "Result<api::PeekQueueResult>"), ("DropQueue", "Result<>")):
        function = new_op.snake(name)
        files = new_op.begin(tmp_path, MODEL, service, name, "write")
        assert all(file.exists() for file in files)
        assert f"\n{name} write\n" in (folder / "operations.txt").read_text()
        assert f"      .add<op::{name}>({function})" in files[2].read_text()
        assert f"{answer} {function}(Call& call, api::{name}Request in);" in (folder / "operations.h").read_text()
        body = (folder / f"{function}.cc").read_text()
        assert f'{answer} {function}(Call&, api::{name}Request) {{' in body
        assert f'"{name} is not implemented yet."' in body
        assert f'    {{"{name}", "birds:{name}"}},\n}};' in (folder / "permissions.cc").read_text()
        assert f"\n{service} {name} birds:{name}\n" in (tmp_path / "test/clients/refusals.txt").read_text()
        assert f"src/service/{service}/permissions.cc" in new_op.next_steps(tmp_path, service, name, files)
    assert not list(check_operations.lacks(tmp_path, folder))


def test_what_an_operation_lacks_is_named(tmp_path):
    folder = door_folder(tmp_path, "sqs")
    assert not list(check_operations.lacks(tmp_path, folder))
    listed = (folder / "operations.txt").read_text()
    (folder / "operations.txt").write_text(listed + "PeekQueue read\n")
    said = list(check_operations.lacks(tmp_path, folder))
    assert [each.partition(" has ")[0] for each in said] == ["src/service/sqs/operations.txt: PeekQueue"] * 3
    for place in (".add<op::PeekQueue>", "src/service/sqs/permissions.cc", "test/clients/refusals.txt"):
        assert any(place in each for each in said)
    (folder / "operations.txt").write_text(listed.replace("SendMessage write\n", ""))
    assert list(check_operations.lacks(tmp_path, folder)) == [
        "src/service/sqs/operations.txt lacks SendMessage, which has a handler"]


def test_a_new_operation_that_cannot_be_begun_changes_nothing(tmp_path):
    folder = door_folder(tmp_path, "sqs")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    taken = {"operations": {"SendMessage": MODEL["operations"]["DropQueue"]}}
    for model, service, name, why in ((MODEL, "sqs", "PeekQueu", "Did you mean PeekQueue"),
                                      (taken, "sqs", "SendMessage", "already"),
                                      (MODEL, "glue", "PeekQueue", "there are sqs")):
        with pytest.raises(new_op.Refusal, match=why):
            new_op.begin(tmp_path, model, service, name, "read")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    assert new_op.snake("DescribeDBClusterV2") == "describe_db_cluster_v2"
