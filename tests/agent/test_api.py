from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from driftline.ids import number_of
from msgspec.structs import replace

from agent import api
from agent.baseline_file import MAX_BYTES
from agent.client import SOCKET_NAME, AgentClient
from agent.frames import Verdict
from agent.ports import AgentAwayError, AgentRefusedError
from tests.agent.answering import EGRESS, OUTBOX, STATUS, Answers

if TYPE_CHECKING:
    from pathlib import Path


def test_the_status_comes_back_as_it_was(client: AgentClient) -> None:
    """Every record survives the way through JSON."""
    assert client.status() == STATUS


def test_a_finding_is_read_again_only_where_it_changed(client: AgentClient, answers: Answers) -> None:
    """A device with thousands of them does not fill the dashboard's memory twice."""
    other = replace(STATUS.findings[0], id="another")
    answers.told = replace(STATUS, findings=(*STATUS.findings, other))
    before = client.status()
    assert before == answers.told
    answers.told = replace(STATUS, findings=(replace(STATUS.findings[0], state="acknowledged"), other))
    after = client.status()
    assert after == answers.told
    assert after.findings[1] is before.findings[1]


def test_times_in_json_are_rfc_3339_utc(client: AgentClient) -> None:
    """The wire form is for other programs too."""
    assert b'"time":"2023-11-14T22:13:20Z"' in client._ask("GET", "/v1/status")


def test_findings_can_be_acknowledged_with_a_note(client: AgentClient, answers: Answers) -> None:
    """The note arrives."""
    client.acknowledge("f1", "cleaned")
    assert answers.notes == ["cleaned"]


def test_an_unknown_finding_is_named(client: AgentClient) -> None:
    """The refusal names the id."""
    with pytest.raises(KeyError, match="no open finding has the id f2"):
        client.acknowledge("f2", "")


def test_a_bad_query_comes_back_as_a_sentence(client: AgentClient) -> None:
    """What is wrong with it is said, not a code."""
    with pytest.raises(AgentRefusedError, match="only one SELECT is accepted"):
        client.query("bad", 10, 1.0)


def test_query_limits_are_bounded(client: AgentClient) -> None:
    """Nobody can ask for everything for ever."""
    rows = client.query("x", 10**9, 10_000.0)["rows"]
    assert rows == [["x", api.MAX_QUERY_ROWS, api.MAX_QUERY_S]]


@pytest.mark.parametrize(("rows", "seconds", "named"), [(0, 1.0, "row_limit"), (1, 0.0, "time_limit_s")])
def test_query_limits_that_make_no_sense_are_refused(
    client: AgentClient, rows: int, seconds: float, named: str
) -> None:
    """What was meant is not guessed."""
    with pytest.raises(AgentRefusedError, match=named):
        client.query("x", rows, seconds)


@pytest.mark.parametrize(("sql", "error"), [("good", ""), ("bad", "it broke")])
def test_a_long_answer_comes_in_pieces_with_a_verdict_at_its_end(client: AgentClient, sql: str, error: str) -> None:
    """What it is worth is known only then."""
    *pieces, verdict = client.extract(form="parquet", sql=sql, row_limit=7)
    assert (pieces, verdict) == ([b"one", b"two" * 100_000], Verdict(rows=7, error=error))


def test_a_form_that_is_none_is_refused(client: AgentClient) -> None:
    """The refusal says what is accepted."""
    with pytest.raises(AgentRefusedError, match="form"):
        list(client.extract(form="xlsx"))


def test_a_starting_agent_says_so(client: AgentClient, answers: Answers) -> None:
    """Before the first status there is a reason, not an error page."""
    answers.ready = False
    with pytest.raises(AgentAwayError, match="the agent is starting"):
        client.status()


def test_no_agent_is_said_in_words(tmp_path: Path) -> None:
    """No socket: nobody runs here."""
    with pytest.raises(AgentAwayError, match="no agent is running here"):
        AgentClient(tmp_path / SOCKET_NAME).status()


def test_a_stopped_agents_socket_is_taken_over(tmp_path: Path) -> None:
    """A socket that a killed agent left is no obstacle, and a client says that it has stopped."""
    api.claim_socket(tmp_path).close()
    with pytest.raises(AgentAwayError, match="the agent has stopped"):
        AgentClient(tmp_path / SOCKET_NAME).status()
    api.claim_socket(tmp_path).close()


def test_a_second_agent_is_refused(client: AgentClient) -> None:
    """A socket that is answered is not taken."""
    with pytest.raises(api.SocketTakenError, match="another agent is listening"):
        api.claim_socket(client.path.parent)


def test_a_socket_path_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Nobody can lead the agent elsewhere."""
    (tmp_path / SOCKET_NAME).symlink_to("/etc/passwd")
    with pytest.raises(api.SocketTakenError, match="is a symbolic link"):
        api.claim_socket(tmp_path)


def test_a_file_in_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    """Only a socket is removed."""
    (tmp_path / SOCKET_NAME).write_text("mine")
    with pytest.raises(api.SocketTakenError, match="is not a socket"):
        api.claim_socket(tmp_path)
    assert (tmp_path / SOCKET_NAME).read_text() == "mine"


def test_the_socket_is_for_user_and_group(tmp_path: Path) -> None:
    """Mode 0660, whatever the umask."""
    before = os.umask(0)
    try:
        with api.claim_socket(tmp_path):
            assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o660
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_stranger_may_read_and_not_write(client: AgentClient, answers: Answers) -> None:
    """A peer that is neither owner, root nor in the group is refused by its credentials."""
    client.path.chmod(0o666)
    for parent in client.path.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(0o711)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            client.status()
            client.baselines()
            for change in (
                lambda: client.acknowledge("f1", "by a stranger"),
                lambda: client.accept_baseline("m", learn=True),
                lambda: client.reset_baseline("m"),
                lambda: client.import_baseline("m", b""),
            ):
                try:
                    change()
                except AgentRefusedError as error:
                    if "only the agent's user" not in str(error):
                        os._exit(3)
                else:
                    os._exit(1)
            os._exit(0)
        except BaseException:  # noqa: BLE001  # whatever else happens, the child must not return into pytest
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert answers.notes == []


def test_what_a_baseline_command_cannot_do_comes_back_as_a_sentence(client: AgentClient) -> None:
    """Not a code, and with what there is."""
    assert client.baselines() == []
    with pytest.raises(AgentRefusedError, match="no model has been seen yet"):
        client.reset_baseline("m")
    with pytest.raises(AgentRefusedError, match="this is no file of `driftline baseline export`"):
        client.import_baseline("m", b"x" * 100_000)
    with pytest.raises(AgentRefusedError, match="larger than 32 MiB"):
        client.import_baseline("m", bytes(MAX_BYTES + 1))


def test_rubbish_on_the_socket_does_no_harm(client: AgentClient) -> None:
    """Bytes that are no HTTP close that connection only."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(client.path))
        raw.sendall(os.urandom(2_000) + b"\r\n\r\n")
        raw.recv(100)
    assert client.status() == STATUS


def test_the_stored_reference_comes_as_it_was_written(client: AgentClient) -> None:
    """Byte for byte, whatever is in the stream's name; None where none is stored."""
    assert client.reference("m@1 &?") == b"\x00reference"
    assert client.reference("another") is None


def test_labels_arrive_as_ids_numbers_and_texts(client: AgentClient, answers: Answers) -> None:
    """Whole numbers and texts name inferences; truths are numbers or names of classes."""
    summary = client.label([("part-7", 3, ""), (8, "leaking", "valve"), ("dl-00000000000000ff", 0.5, "")])
    assert summary.matched == 3
    first, second, third = answers.labels
    assert (first.id, first.value, first.text) == (number_of("part-7"), 3.0, "")
    assert (second.id, second.value, second.text, second.model) == (number_of("8"), None, "leaking", "valve")
    assert third.id == 255


@pytest.mark.parametrize(
    ("label", "wrong"),
    [(("", 1, ""), r"labels\[0\]: an id has 1 to"), (("a", " ", ""), r"labels\[0\]: the truth is empty")],
)
def test_what_is_no_label_is_refused_by_its_place(
    client: AgentClient, label: tuple[str, str | float, str], wrong: str
) -> None:
    """An empty id or truth is named with its place in the list."""
    with pytest.raises(AgentRefusedError, match=wrong):
        client.label([label])


def test_labels_that_are_not_safe_are_not_acknowledged(client: AgentClient, answers: Answers) -> None:
    """Where the disk cannot take them, the answer says so."""
    answers.ready = False
    with pytest.raises(AgentAwayError, match="the disk is full"):
        client.label([("a", 1, "")])


def test_what_waits_and_what_left_can_be_asked_for(client: AgentClient) -> None:
    """The outbox with its dead letters, the ledger, and a try of a link come as they are."""
    assert client.outbox() == client.outbox("hq") == OUTBOX
    assert client.egress(0, 10) == [EGRESS]
    assert client.egress(2**63 - 1, 10) == []
    for late_ns in (2**63, 10**400):
        with pytest.raises(AgentRefusedError, match="since_ns: accepted are nanoseconds up to 9223372036854775807"):
            client.egress(late_ns, 10)
    assert client.test_link("hq")[0].destination == "hq"


def test_a_destination_that_is_none_and_a_disk_that_is_full_are_said(client: AgentClient, answers: Answers) -> None:
    """The names that there are come with the refusal; a full disk is no refusal but something to try later."""
    with pytest.raises(KeyError, match="no destination is called 'hqq': hq"):
        client.outbox("hqq")
    assert client.retry_dead("hq") == 2
    answers.ready = False
    with pytest.raises(AgentAwayError, match="the disk is full"):
        client.retry_dead("hq")
