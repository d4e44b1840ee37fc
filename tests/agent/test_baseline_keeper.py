from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.baseline_file import Header, decode_file, encode_file
from agent.baselines import BaselineError, resolve
from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.model import Stream, StreamChange
from agent.panel import Needed
from agent.pipeline import Pipeline
from agent.saved import REFERENCE, ROWS, TRAINING
from agent.wiring import Config, make_factories
from detectors.reference import ReferenceConfig
from tests.agent.fakes import SECOND_NS, SIGNALS, STREAM, ListCollector, MemoryStore, PlainExplainer, block, factories

if TYPE_CHECKING:
    from agent.baseline_keeper import BaselineKeeper
    from agent.ports import Item

OPENED = StreamChange(stream=STREAM, kind="opened", time_ns=0, source="ring-1")
CALM, FAR = [0.0] * 10, [5.0] * 10


def _pipeline(*rounds: list[Item], store: MemoryStore | None = None) -> Pipeline:
    """A pipeline that has taken these rounds in; ten rows make its references."""
    pipeline = Pipeline(
        collectors=[ListCollector(*rounds)], store=store or MemoryStore(), explainer=PlainExplainer(),
        factories=factories(), clock=ManualClock(), alarms=AlarmsConfig(), commit_seconds=5.0,
    )  # fmt: skip
    for _ in rounds:
        pipeline.tick()
    return pipeline


def _feed(pipeline: Pipeline, *rounds: list[Item]) -> None:
    """Have it take in more rounds."""
    (collector,) = pipeline.intake.collectors
    assert isinstance(collector, ListCollector)
    collector.rounds += rounds
    for _ in rounds:
        pipeline.tick()


def _shifted(rows: int = 12, store: MemoryStore | None = None) -> Pipeline:
    """Ten calm rows, and then so many that are far off, with an open finding."""
    pipeline = _pipeline([OPENED, block(CALM)], [block(CALM, 10)], [block([5.0] * rows, 20)], store=store)
    assert [finding.kind for finding in pipeline.findings()] == ["input_shift"]
    return pipeline


def test_accepting_makes_a_reference_of_the_rows_since_the_change_and_closes_its_finding() -> None:
    """From then on those rows are normal, and what was normal before is not."""
    store = MemoryStore()
    pipeline = _shifted(15, store)
    change = pipeline.baselines.accept("meter", learn=False, by="ada")
    assert (change.key, change.closed) == (STREAM.key, ("brightness changed",))
    assert pipeline.findings() == ()
    closed = store.findings(everything=True)[0]
    assert (closed.state, closed.note) == ("closed", "the reference was accepted by ada")
    (baseline,) = pipeline.baselines.show("")
    assert (baseline.state, baseline.rows) == ("ready", 20)  # the fake dates its onset five rows early
    assert baseline.origin is not None
    assert (baseline.origin.number, baseline.origin.by) == (2, "ada")
    assert baseline.signals[0].quantiles == ((0.5, 3.75),)


def test_accepting_too_little_is_refused_with_what_is_needed() -> None:
    """How much there is, since when, how much is needed, and what to do: nothing changes."""
    pipeline = _shifted(3)
    with pytest.raises(BaselineError, match=r"only 8 inferences .* since the change of .* needs 10 .* --learn"):
        pipeline.baselines.accept("meter", learn=False, by="ada")
    assert len(pipeline.findings()) == 1


def test_accepting_too_little_with_learn_begins_anew() -> None:
    """The finding is closed, and the next rows make the reference."""
    pipeline = _shifted(3)
    change = pipeline.baselines.accept("meter", learn=True, by="ada")
    assert "learning anew from now on" in change.said
    assert (pipeline.findings(), pipeline.baselines.show("")[0].state) == ((), "learning")
    _feed(pipeline, [block(FAR, 30)], [block(FAR, 40)])
    assert (pipeline.baselines.show("")[0].rows, pipeline.findings()) == (10, ())


def test_accepting_without_a_finding_takes_the_rows_since_the_reference() -> None:
    """What it sees now, whether or not anything alarmed."""
    pipeline = _pipeline([OPENED, block(CALM)], [block([0.5] * 20, 10)])
    pipeline.baselines.accept("", learn=False, by="ada")
    assert pipeline.baselines.show("")[0].signals[0].quantiles == ((0.5, 0.5),)


def test_a_stream_that_is_learning_has_nothing_to_accept() -> None:
    """What it sees now is what it learns."""
    with pytest.raises(BaselineError, match="is still learning"):
        _pipeline([OPENED, block(CALM[:5])]).baselines.accept("meter", learn=True, by="ada")


def test_a_reset_forgets_and_learns_from_now() -> None:
    """Rows of before the reset are not learned from, and the history names who asked."""
    store = MemoryStore()
    pipeline = _shifted(12, store)
    assert pipeline.baselines.reset("meter", by="ada").closed == ("brightness changed",)
    assert (pipeline.baselines.show("")[0].state, pipeline.baselines.show("")[0].rows) == ("learning", 0)
    assert any("reset: learning anew" in event.text and "by ada" in event.text for event in pipeline.events())
    again = _pipeline([OPENED, block(FAR[:4], 40)], store=store)
    assert (again.baselines.show("")[0].state, again.baselines.show("")[0].rows) == ("learning", 4)


def test_rows_since_a_reset_are_learned_from_again_after_a_restart() -> None:
    """A restart in the middle of learning does not begin it anew."""
    store = MemoryStore()
    pipeline = _shifted(12, store)
    pipeline.baselines.reset("meter", by="ada")
    _feed(pipeline, [block(FAR[:6], 40)])
    pipeline.close()
    again = _pipeline([OPENED, block(FAR[:2], 46)], store=store)
    assert again.baselines.show("")[0].rows == 8


def test_a_stream_that_does_not_run_is_reset_and_shown_too() -> None:
    """The reference is in the store; when the model runs again it learns."""
    store = MemoryStore()
    _shifted(12, store).close()
    later = _pipeline(store=store)
    assert later.baselines.show("meter")[0].rows == 10
    later.baselines.reset("meter", by="ada")
    assert later.baselines.show("") == []


def test_an_accepted_reference_survives_a_restart() -> None:
    """It is durable when the command has answered."""
    store = MemoryStore()
    _shifted(15, store).baselines.accept("meter", learn=False, by="ada")
    again = _pipeline([OPENED, block([4.0] * 10, 60)], store=store)
    assert (again.findings(), again.baselines.show("")[0].rows) == ((), 20)


def test_labels_hear_for_which_rows_a_new_reference_stands() -> None:
    """Accepted: those it was made of. Imported: as many to come, also before its model runs. Reset: none yet."""
    told: list[tuple[str, int, int, int]] = []
    pipeline = _shifted(15)
    pipeline.baselines._relearned = lambda *words: told.append(words)
    pipeline.baselines.accept("meter", learn=False, by="ada")
    data = pipeline.baselines.export("meter")
    pipeline.baselines.take("", data, by="ada")
    pipeline.baselines.reset("meter", by="ada")
    elsewhere = _pipeline()
    elsewhere.baselines._relearned = lambda *words: told.append(words)
    elsewhere.baselines.take("", data, by="ada")
    first, last = 15 * SECOND_NS // 10, 34 * SECOND_NS // 10  # rows 15 to 34, ten a second
    assert told == [(STREAM.key, first, last, 0), (STREAM.key, 0, 0, 20), (STREAM.key, 0, 0, 20)]


def test_an_export_is_imported_elsewhere() -> None:
    """Even before the model has run there; then it is judged from its first row."""
    data = _shifted().baselines.export("meter")
    store = MemoryStore()
    other = _pipeline(store=store)
    assert "for when the model runs here" in other.baselines.take("", data, by="ada").said
    running = _pipeline([OPENED, block(FAR)], store=store)
    assert [finding.kind for finding in running.findings()] == ["input_shift"]


def test_an_imported_reference_of_other_signals_is_given_up_when_its_model_runs() -> None:
    """Columns that it misses would look like missing values; the stream says that it learns, and why."""
    data = _shifted().baselines.export("meter")
    store = MemoryStore()
    _pipeline(store=store).baselines.take("", data, by="ada")
    bare = replace(block(CALM[:4]), signals=(SIGNALS[0],), values=block(CALM[:4]).values[:, :1])
    running = _pipeline([OPENED, bare], store=store)
    assert (running.streams()[0].state, running.streams()[0].reference_rows) == ("learning", 4)
    assert "was of other signals (latency, prediction)" in running.streams()[0].reference_notes[0]


def test_an_import_replaces_the_reference_of_a_running_stream() -> None:
    """And closes what compared with the old one."""
    data = _pipeline([OPENED, block(FAR)]).baselines.export("")
    pipeline = _shifted()
    assert pipeline.baselines.take("", data, by="ada").closed == ("brightness changed",)
    assert pipeline.baselines.show("")[0].signals[0].quantiles == ((0.5, 5.0),)


def test_a_training_file_waits_for_the_streams_own_rows_over_a_restart() -> None:
    """Until there are enough of them the stream learns; then the reference says where it comes from."""
    header = Header(what="training", key="", rows=50, signals=("brightness",), source="train.csv")
    data = encode_file(header, {ROWS: b"fifty rows"})
    store = MemoryStore()
    pipeline = _pipeline([OPENED, block(CALM[:4])], store=store)
    said = pipeline.baselines.take("meter", data, by="ada").said
    assert "train.csv (50 rows); it is judged by when the stream has shown" in said
    assert pipeline.baselines.show("")[0].columns == SIGNALS
    pipeline.close()
    again = _pipeline([OPENED, block(CALM, 4)], store=store)
    (baseline,) = again.baselines.show("")
    assert baseline.origin is not None
    assert (baseline.rows, baseline.origin.how) == (10, "a training file and the stream")
    assert store.get_state(STREAM.key, TRAINING) is None


def test_a_training_file_that_holds_no_rows_changes_nothing() -> None:
    """Refused in words, whether there are enough of the stream's own rows or not."""
    header = Header(what="training", key=STREAM.key, rows=0, signals=("brightness",), source="train.csv")
    for data in (encode_file(header, {}), encode_file(header, {ROWS: b"rubbish"})):
        for rows in (3, 12):
            keeper = _real(rows)
            with pytest.raises(BaselineError, match="no stored reference rows"):
                keeper.take("meter", data, by="ada")
            assert keeper.show("")[0].state == "ready"


def _real(rows: int) -> BaselineKeeper:
    """A keeper whose training files are read as the agent reads them."""
    keeper = _shifted(rows).baselines
    real = make_factories(Config(reference=ReferenceConfig(rows=20, seconds=0)))
    keeper._factories = replace(
        factories(), trained_learner=real.trained_learner, fit=real.fit, needed=Needed(20, 0.0, 100)
    )
    return keeper


def test_a_training_file_with_enough_rows_at_hand_is_judged_by_at_once() -> None:
    """The newest stored rows say how inferences hang together."""
    header = Header(what="training", key=STREAM.key, rows=50, signals=("brightness",), source="train.csv")
    pipeline = _shifted()
    change = pipeline.baselines.take("", encode_file(header, {ROWS: b"fifty rows"}), by="ada")
    assert (change.closed, pipeline.baselines.show("")[0].rows) == (("brightness changed",), 32)


def test_a_file_that_was_changed_or_cut_is_refused() -> None:
    """One sentence says what is wrong with it."""
    data = _shifted().baselines.export("meter")
    keeper = _shifted().baselines
    for broken, why in [
        (data[:-5], "checksum does not fit"),
        (data[:-1] + bytes([data[-1] ^ 1]), "checksum does not fit"),
        (data[:30], "first line of the file is damaged"),
        (b"PAR1" + data, "this is no file of"),
        (data.replace(b'"format":1', b'"format":9'), "has format 9; this version of Driftline reads format 1"),
    ]:
        with pytest.raises(BaselineError, match=why):
            keeper.take("", broken, by="ada")
    assert keeper.show("")[0].rows == 10


def test_a_file_of_other_signals_is_refused_and_lists_them() -> None:
    """What it lacks, and what it has besides."""
    header, parts = decode_file(_shifted().baselines.export("meter"))
    other = encode_file(msgspec.structs.replace(header, signals=("brightness", "latency", "sharpness")), parts)
    with pytest.raises(BaselineError, match="it lacks prediction; it has sharpness besides"):
        _shifted().baselines.take("meter", other, by="ada")


def test_a_reference_of_another_version_is_fitted_anew_from_the_rows_in_the_file() -> None:
    """An export outlives the version that wrote it."""
    header, parts = decode_file(_shifted().baselines.export("meter"))
    pipeline = _shifted()
    pipeline.baselines.take("", encode_file(header, parts | {REFERENCE: b"of the future"}), by="ada")
    assert pipeline.baselines.show("")[0].rows == 10
    with pytest.raises(BaselineError, match="cannot be read by this version"):
        pipeline.baselines.take("", encode_file(header, {REFERENCE: b"x", ROWS: b"rubbish"}), by="ada")


def test_names_resolve_and_an_ambiguous_one_lists_the_streams() -> None:
    """A key, a model, or the beginning of one; never a guess."""
    keys = [Stream(model="pump", sha256="ab").key, Stream(model="pump", sha256="cd").key, "pump-2", "meter"]
    assert [resolve(name, keys) for name in ("pump@ab", "pump-", "me")] == ["pump@ab", "pump-2", "meter"]
    for name, why in [
        ("pump", "'pump' may be more than one: pump@ab, pump@cd"),
        ("x", "no stream is called 'x': meter"),
    ]:
        with pytest.raises(BaselineError, match=why):
            resolve(name, keys)
    with pytest.raises(BaselineError, match="which one: meter, pump"):
        resolve("", keys)


@pytest.mark.parametrize("saved", [True, False], ids=["states saved", "killed before they were"])
def test_accept_does_not_reach_behind_its_reference_after_a_restart(saved: bool) -> None:  # noqa: FBT001  # a case
    """Rows judged by an earlier reference may be of the very fault that the present one was imported to end."""
    store = MemoryStore()
    pipeline = _shifted(15, store)
    pipeline.baselines.take("meter", pipeline.baselines.export("meter"), by="ada")
    _feed(pipeline, [block(CALM[:4], 40)])
    pipeline.saving.commit()
    if saved:
        pipeline.saving.save_states()
    after = _pipeline([OPENED, block(CALM[:3], 50)], store=store)
    with pytest.raises(BaselineError, match=r"^only (\d) inferences .* since the reference was learned") as refused:
        after.baselines.accept("meter", learn=False, by="ada")
    assert f"only {7 if saved else 3} inferences" in str(refused.value)
