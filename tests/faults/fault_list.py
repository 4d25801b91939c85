"""Every fault that `make faults` provokes, what must happen then, and the tests that show it.

A test notes what it has measured (the fixture `measured`); one that only asserts says that it holds. Faults of the
cache and of several gateways note rows of their own, with figures for each way of failing (`note_fault`).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row: the fault by its name, what must be, and the tests by file and function."""

    name: str
    goal: str
    tests: tuple[str, ...]


_PROVIDERS: Final = "tests/faults/test_provider_faults.py::test_"
_PROVIDER_ROWS: Final = "tests/faults/test_provider_rows.py::test_"
_ABUSE: Final = "tests/faults/test_http_abuse.py::test_"

# Tests whose rows are noted one by one.
NOTED: Final = ("tests/faults/test_cache_without_redis.py", "tests/faults/test_workers.py")

FAULTS: Final = (
    Fault(
        name="Start with PostgreSQL absent",
        goal="serves ≤ 3 s, /ready names it",
        tests=(
            "tests/faults/test_postgresql_away.py"
            "::test_the_system_starts_without_its_database_says_so_and_is_ready_when_it_comes",
        ),
    ),
    Fault(
        name="Start with Redis absent",
        goal="serves, and says what is missing",
        tests=(
            "tests/faults/test_stream_replicas.py::test_a_replica_started_without_redis_serves_and_says_what_is_missing",
        ),
    ),
    Fault(
        name="PostgreSQL restarted mid-load",
        goal="0 failed, each ledger row exactly once",
        tests=(
            "tests/faults/test_postgresql_away.py::test_a_database_that_restarts_under_load_costs_no_request_and_no_row",
            "tests/faults/test_ledger_faults.py"
            "::test_chat_goes_on_while_postgresql_is_away_and_every_row_is_written_once",
        ),
    ),
    Fault(
        name="Disk full (a file system of 64 MB)",
        goal="writes refused clearly, reads and chat live, files intact",
        tests=("tests/faults/test_disk_full.py::test_a_full_disk_refuses_writes_clearly_and_reads_and_chat_go_on",),
    ),
    Fault(
        name="llm-service killed mid-stream",
        goal="typed error or resumed ≤ 3 s, gapless, ledger row settled",
        tests=(
            "tests/faults/test_llm_killed_mid_stream.py::test_a_reader_gets_a_typed_error_and_keeps_what_was_said",
            "tests/faults/test_llm_killed.py::test_another_replica_settles_the_calls_of_a_killed_one_exactly_once",
        ),
    ),
    Fault(
        name="chat-stream-service replica killed",
        goal="another resumes from Last-Event-ID ≤ 3 s, no event missing or twice",
        tests=(
            "tests/faults/test_gateway_replicas.py::test_a_killed_replica_costs_no_reader_an_event_over_any_transport",
        ),
    ),
    Fault(
        name="SIGTERM at chat-stream-service with 100 live streams",
        goal="0 truncated, exit inside the grace time",
        tests=(
            "tests/faults/test_gateway_replicas.py"
            "::test_a_drain_truncates_none_of_a_hundred_streams_and_is_over_in_time",
        ),
    ),
    Fault(
        name="SIGTERM at the gateway with 100 live streams",
        goal="readiness off ≤ 1 s, 0 truncated, exit inside the grace time",
        tests=("tests/faults/test_drain.py::test_a_gateway_that_is_told_to_stop_truncates_none_of_a_hundred_streams",),
    ),
    Fault(
        name="SIGTERM at llm-service with 100 live streams",
        goal="0 truncated, exit inside the grace time",
        tests=(
            "tests/faults/test_drain.py::test_an_llm_service_that_is_told_to_stop_truncates_none_of_a_hundred_streams",
        ),
    ),
    Fault(
        name="A stream is stopped beside 200 live ones",
        goal="no piece after the stop is answered, the others go on",
        tests=("tests/faults/test_stop_under_load.py::test_nothing_is_said_after_a_stop_among_two_hundred_streams",),
    ),
    Fault(
        name="1,000 live streams beside 50 slow readers, of which some are stopped",
        goal="gapless, one end each, memory bounded, stopped at once",
        tests=(
            "tests/faults/test_thousand_streams.py"
            "::test_a_thousand_streams_are_gapless_end_once_stop_at_a_word_and_bear_slow_readers",
        ),
    ),
    Fault(
        name="Provider 429 with Retry-After",
        goal="next provider ≤ 50 ms, the first cooled that long",
        tests=(
            f"{_PROVIDER_ROWS}a_429_is_followed_by_the_next_provider_within_50_ms",
            f"{_PROVIDERS}a_429_goes_to_the_next_provider_at_once_and_the_first_rests_that_long",
        ),
    ),
    Fault(
        name="Provider 500, 502, 503, 529 always",
        goal="failover, breaker opens, fallback answers, x-degraded set",
        tests=(f"{_PROVIDERS}a_vendor_that_always_fails_is_stood_in_for_and_its_breaker_opens",),
    ),
    Fault(
        name="Provider refuses the credential",
        goal="key marked dead, alert; the caller sees 502, not 401",
        tests=(
            f"{_PROVIDERS}a_refused_key_is_dead_and_the_caller_sees_a_bad_upstream",
            "tests/faults/test_provider_keys.py::test_a_refused_key_is_an_alert_in_log_and_metrics_once",
        ),
    ),
    Fault(
        name="Provider 403 or 404 about a model",
        goal="that caller's error; key and provider stay in use",
        tests=(f"{_PROVIDERS}a_model_that_is_forbidden_is_that_callers_error_and_the_key_goes_on",),
    ),
    Fault(
        name="Provider hangs at connect",
        goal="next provider ≤ 2 s",
        tests=(f"{_PROVIDER_ROWS}a_vendor_that_hangs_at_connect_is_stood_in_for_within_2_s",),
    ),
    Fault(
        name="Provider hangs after the headers, or mid-stream",
        goal="failover before content, error event after; partial text kept and billed",
        tests=(
            f"{_PROVIDERS}silence_after_the_headers_ends_in_failover",
            f"{_PROVIDERS}a_stall_in_mid_stream_is_an_error_with_the_text_so_far_billed",
        ),
    ),
    Fault(
        name="Provider cuts, ends without finish, sends HTML, bad JSON, bad UTF-8, a line of 10 and 150 MB",
        goal="provider error, bounded memory, never a silent stop",
        tests=(
            f"{_PROVIDERS}nonsense_before_content_goes_to_the_next_provider",
            f"{_PROVIDERS}an_answer_that_breaks_off_is_never_a_silent_stop",
            f"{_PROVIDER_ROWS}nonsense_after_content_is_an_error_and_what_came_is_billed",
            f"{_PROVIDER_ROWS}a_line_without_end_takes_no_memory",
        ),
    ),
    Fault(
        name="All providers down",
        goal="fallback or 503 + Retry-After ≤ 100 ms; calls ≤ 1.1 × requests",
        tests=(
            f"{_PROVIDER_ROWS}with_all_vendors_down_the_refusal_takes_at_most_100_ms",
            f"{_PROVIDERS}with_all_vendors_down_the_offline_provider_answers_and_calls_stay_few",
        ),
    ),
    Fault(
        name="Client leaves: before headers, before the first token, mid-stream, a whole answer",
        goal="provider call closed ≤ 1 s; ledger row exists",
        tests=(
            f"{_PROVIDER_ROWS}a_caller_that_leaves_a_stream_closes_the_vendors_call_within_1_s",
            f"{_PROVIDER_ROWS}a_caller_that_leaves_a_whole_answer_closes_the_vendors_call_within_1_s",
        ),
    ),
    Fault(
        name="200 slow readers (1 KB/s)",
        goal="memory bounded, others unchanged",
        tests=(
            "tests/faults/test_crowded_gateway.py"
            "::test_200_slow_readers_take_bounded_memory_hold_up_nobody_and_lose_nothing",
        ),
    ),
    Fault(
        name="1,000 idle streams",
        goal="≤ 0.5 MB each, heartbeats on time",
        tests=(
            "tests/faults/test_crowded_gateway.py"
            "::test_1000_idle_streams_take_at_most_half_a_megabyte_each_and_get_their_heartbeats",
        ),
    ),
    Fault(
        name="200 parallel requests at the edge of a budget",
        goal="overspend 0",
        tests=(
            "tests/faults/test_ledger_faults.py::test_200_parallel_requests_at_the_edge_of_a_budget_overspend_nothing",
        ),
    ),
    Fault(
        name="The same Idempotency-Key 50 times in parallel",
        goal="one provider call, one charge, one body",
        tests=(
            "tests/faults/test_ledger_faults.py"
            "::test_the_same_idempotency_key_50_times_in_parallel_is_one_call_one_charge_and_one_body",
            "tests/faults/test_ledger_faults.py"
            "::test_two_replicas_make_one_call_for_50_questions_and_50_embeddings_with_one_key_each",
        ),
    ),
    Fault(
        name="Oversized, gzip-bomb, 10,000-level JSON bodies",
        goal="413 or 400 ≤ 50 ms, constant memory",
        tests=(
            "tests/faults/test_bad_bodies.py::test_a_body_that_is_no_request_is_refused_at_once_and_takes_no_memory",
        ),
    ),
    Fault(
        name="Malformed protobuf, 20 MB message",
        goal="INVALID_ARGUMENT or RESOURCE_EXHAUSTED, server alive",
        tests=("tests/faults/test_llm_malformed.py::test_what_is_no_message_is_refused_and_the_service_lives",),
    ),
    Fault(
        name="JWT: none, HS/RS confusion, bad kid, expired, wrong aud or iss, no exp",
        goal="401 each, no detail",
        tests=(
            "gateway/tests/auth/test_auth.py::test_a_token_with_wrong_or_missing_claims_is_refused",
            "gateway/tests/auth/test_auth.py::test_a_token_with_a_wrong_header_is_refused",
            "gateway/tests/auth/test_auth.py::test_only_the_one_algorithm_is_accepted",
            "gateway/tests/auth/test_auth.py::test_an_unsigned_token_is_refused",
            "gateway/tests/auth/test_auth.py::test_a_token_signed_with_an_rsa_key_is_refused",
        ),
    ),
    Fault(
        name="Tenant A asks for B's ids on every route",
        goal="404, nothing shared, also through the caches",
        tests=(
            "tests/e2e/test_tenant_matrix.py::test_whoever_may_not_is_refused_everywhere_and_nothing_changes",
            "tests/e2e/test_tenant_matrix.py::test_lists_and_sums_hold_nothing_of_another_tenant",
            "tests/e2e/test_tenant_matrix.py::test_an_answer_kept_for_one_tenant_is_given_to_no_other",
        ),
    ),
    Fault(
        name="Planted secrets in every setting and request",
        goal="none in logs, traces, metrics, errors, database",
        tests=("tests/e2e/test_planted_secrets.py::test_planted_secrets_appear_nowhere",),
    ),
    Fault(
        name="base_url pointed at loopback or metadata addresses by a caller",
        goal="refused at connect",
        tests=(
            "tests/e2e/test_base_url.py::test_no_request_chooses_where_it_goes",
            "tests/e2e/test_base_url.py::test_no_model_name_is_a_place",
            "tests/e2e/test_base_url.py::test_no_question_in_a_conversation_chooses_where_it_goes",
        ),
    ),
    Fault(
        name="Configuration file reloaded with an error in it",
        goal="old one stays, error visible",
        tests=(
            "tests/faults/test_configuration_reload.py::test_a_broken_file_on_sighup_keeps_the_old_one_and_is_seen",
        ),
    ),
    Fault(
        name="Offline client, killed mid-flush, then online",
        goal="every message once, in order",
        tests=(
            "client/tests/test_queue_crash.py::test_processes_that_are_killed_at_random_moments_lose_and_double_nothing",
            "tests/e2e/test_python_client.py::test_a_queue_that_was_killed_between_answer_and_removal_asks_once",
        ),
    ),
    Fault(
        name="Costly prompts to the offline provider",
        goal="answered or refused at once; another tenant's time ≤ 1.2 × its own",
        tests=(
            "llm-service/tests/test_offline_bounds.py::test_twenty_thousand_zeros_cost_no_more_than_a_short_question",
            "tests/faults/test_attack_offline.py::test_costly_prompts_of_one_tenant_hold_up_no_question_of_another",
        ),
    ),
    Fault(
        name="32 MB of pipelined requests, nothing read",
        goal="gateway's memory + ≤ 20 MB, the connection ended",
        tests=(f"{_ABUSE}32_megabytes_of_pipelined_requests_cost_little_and_end_the_connection",),
    ),
    Fault(
        name="28 MB header, 100,000 headers, 400 idle connections, heads and bodies at a byte now and then",
        goal="431, 408 or refused with a log line; others served",
        tests=(
            "gateway/tests/connection/test_abuse.py::test_a_head_over_the_limits_is_431",
            f"{_ABUSE}a_head_of_28_megabytes_costs_nothing",
            f"{_ABUSE}400_idle_connections_leave_room_for_others_and_a_line_in_the_log",
            f"{_ABUSE}400_connections_of_a_byte_now_and_then_end_and_others_are_served",
        ),
    ),
    Fault(
        name="A key without a right reaches for one with it; a tenant's admin for what is the operator's",
        goal="403 or 404, nothing changed",
        tests=(
            "gateway/tests/auth/test_delegation.py::test_a_key_neither_sees_nor_touches_a_key_with_a_scope_it_lacks",
            "gateway/tests/auth/test_delegation.py::test_an_administrator_neither_touches_nor_plays_an_operator_of_the_same_tenant",
            "gateway/tests/auth/test_delegation.py::test_only_an_operator_grants_operation",
        ),
    ),
    Fault(
        name="A neighbour on the network calls a service in another's name",
        goal="refused",
        tests=("tests/e2e/test_service_secret.py::test_no_service_answers_a_stranger",),
    ),
    Fault(
        name="A bad byte at row 60,001, a cut Arrow stream, an open quote",
        goal="4xx, no row of the body stored",
        tests=(
            "feature-service/tests/test_ingest_whole_bodies.py::test_a_body_that_breaks_off_leaves_nothing_unless_it_may_be_partial",
            "feature-service/tests/test_arrow_types.py::test_a_cut_stream_is_refused_wherever_it_was_cut",
            "feature-service/tests/test_csv_dialects.py::test_a_quote_that_is_never_closed_is_told_with_the_line_that_opens_it",
        ),
    ),
    Fault(
        name="MQTT broker and feature-services killed between receipt and store",
        goal="every message stored once",
        tests=("feature-service/tests/test_mqtt_replicas.py::test_every_message_is_stored_once_whoever_is_killed",),
    ),
    Fault(
        name="2,000 fields in one model: statistics, correlation",
        goal="answer or 4xx ≤ 5 s",
        tests=(
            "feature-service/tests/test_feature_statistics.py"
            "::test_the_statistics_of_2000_fields_are_answered_or_refused_with_what_to_do",
        ),
    ),
    Fault(
        name="Gateway killed while it evaluates alerts; two gateways",
        goal="each notification once",
        tests=(
            "tests/faults/test_alerts_killed.py"
            "::test_each_notification_goes_out_once_over_a_kill_and_the_one_on_its_way_is_named",
            "gateway/tests/alerts/test_evaluator.py"
            "::test_of_two_gateways_one_evaluates_and_the_other_takes_over_when_it_is_gone",
        ),
    ),
    Fault(
        name="Two gateways start at once on an empty database",
        goal="one administrator; the other's files say so",
        tests=(
            "gateway/tests/auth/test_first_administrator.py"
            "::test_two_gateways_at_once_make_one_administrator_and_the_others_files_say_so",
        ),
    ),
)
