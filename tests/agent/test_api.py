from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import msgspec
import pytest
from driftline.ids import number_of

from agent import api
from agent.baseline_file import MAX_BYTES
from agent.baseline_keeper import BaselineKeeper
from agent.client import SOCKET_NAME, AgentClient
from agent.clock import ManualClock, utc
from agent.events import Events
from agent.findings import FindingBook
from agent.forwarded import DeadLetterLine, EgressLine, LinkResult, OutboxView
from agent.frames import Verdict
from agent.model import Finding, Stream
from agent.outbound import OutboxAwayError
from agent.ports import AgentAwayError, AgentRefusedError
from agent.status import AgentStatus, BufferStatus, DestinationStatus, Status
from agent.truth import LabelSummary
from tests.agent.bundling import BundlingAnswers
from tests.agent.faked_screens import FakedScreens
from tests.agent.fakes import MemoryStore, PlainExplainer, factories
from tests.agent.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from agent.extract_api import ExtractRequest
    from agent.model import Label

    T = TypeVar("T")

NOW = utc(1_700_000_000_000_000_000)
FINDING = Finding(
    id="f1", stream=Stream(model="m"), kind="input_shift", severity="warning", state="open", sentence="s", advice="a",
    onset=NOW, opened=NOW, updated=NOW, row=9, onset_row=3, signals=(), causes=(),
)  # fmt: skip
STATUS = Status(
    time=NOW,
    state="warning",
    agent=AgentStatus(
        version="0", pid=1, started=NOW, uptime_s=1.0, rss_bytes=1, cpu_percent=0.1, ready_s=0.5, run_dir="r",
        state_dir="s", config_path=None, scrape_url=None, site="", device="d",
    ),
    buffer=BufferStatus(path="s", mode="disk", bytes=1, limit_bytes=2, segments=1, rows=3),
    streams=(),
    host=(),
    findings=(FINDING,),
    events=(),
)  # fmt: skip

LETTER = DeadLetterLine(destination="hq", time=NOW, id="0f3a-w1-5-m", content="5 min of m", reason="400: bad sample")
OUTBOX = OutboxView(
    destinations=(DestinationStatus(name="hq", kind="otlp", url="https://hq.example"),), dead_letters=(LETTER,)
)
EGRESS = EgressLine(
    time=NOW, destination="hq", address="https://hq.example", parcels=2, accepted=2, bytes=900, fields=("findings",)
)


class Answers:
    """Answers from fixed records; `ready` off is an agent that is starting."""

    def __init__(self) -> None:
        self.ready = True
        self.notes: list[str] = []
        self.bundling = BundlingAnswers()
        self.screens = FakedScreens()
        self.labels: list[Label] = []
        store, clock = MemoryStore(), ManualClock()
        book = FindingBook(PlainExplainer(), store)
        events, nobody = Events(store, clock), lambda *_: None
        self.keeper = BaselineKeeper({}, store, factories(), book, clock, store.commit, events, nobody)

    async def status(self) -> Status | None:
        return STATUS if self.ready else None

    async def findings(self, *, everything: bool) -> list[Finding]:
        return [FINDING, FINDING] if everything else [FINDING]

    async def acknowledge(self, finding_id: str, note: str) -> Finding:
        if finding_id != FINDING.id:
            raise KeyError(finding_id)
        self.notes.append(note)
        return FINDING

    async def reference(self, stream_key: str) -> bytes | None:
        return b"\x00reference" if stream_key == "m@1 &?" else None

    async def baselines(self, ask: Callable[[BaselineKeeper], T]) -> T:
        return ask(self.keeper)

    async def label(self, labels: Sequence[Label]) -> LabelSummary:
        if not self.ready:
            raise OSError("the disk is full")
        self.labels += labels
        return LabelSummary(matched=len(labels))

    async def outbox(self, destination: str) -> OutboxView:
        if destination not in {"", "hq"}:
            raise KeyError(f"no destination is called {destination!r}: hq")
        return OUTBOX

    async def retry_dead(self, destination: str) -> int:
        if not self.ready:
            raise OutboxAwayError("the disk is full")
        return len(destination)

    async def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        return [EGRESS] if since_ns < NOW.timestamp() * 1e9 and most else []

    async def test_link(self, destination: str) -> list[LinkResult]:
        return [LinkResult(destination=destination, address="a", ok=True, said="accepted", seconds=0.1, bytes=300)]

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        if sql == "bad":
            raise ValueError("only one SELECT is accepted")
        return msgspec.json.encode({"columns": ["sql"], "rows": [[sql, row_limit, time_limit_s]], "truncated": False})

    async def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        for piece in (b"one", b"two" * 100_000):
            yield piece
        yield Verdict(rows=request.row_limit, error="it broke" if request.sql == "bad" else "")


@pytest.fixture
def answers() -> Answers:
    """What the daemon would know."""
    return Answers()


@pytest.fixture
def client(tmp_path: Path, answers: Answers) -> Iterator[AgentClient]:
    """A client of an API that is served in a thread."""
    with served(tmp_path, answers) as made:
        yield made


def test_the_status_comes_back_as_it_was(client: AgentClient) -> None:
    """Every record survives the way through JSON."""
    assert client.status() == STATUS


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
