/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timebase.h"
#include "transport/rtp_recv.h"
#include "transport/rtp_send.h"

#include "tests/unit/transport/mini_endpoint.h"

#define OUR_SSRC 0x0e0e0e0e
#define ITS_SSRC 0x1e1e1e1e

/* --- what the transport tells ------------------------------------------------------------------------ */

enum close_at {
    CLOSE_NEVER,
    CLOSE_AT_STATE,
    CLOSE_AT_RTP,
    CLOSE_AT_KEYFRAME,
    CLOSE_AT_NACK,
    CLOSE_AT_BYE
};

static struct transport *tp;
static struct told {
    enum transport_state states[16];
    size_t state_count;
    const char *reason;
    unsigned rtp, keyframes, byes;
    uint32_t rtp_ssrc, keyframe_ssrc, nack_ssrc, bye_ssrc;
    uint16_t nacked[8];
    size_t nacked_count;
    enum close_at close_at;
    enum transport_state close_state;
} told;

static void close_if(enum close_at at)
{
    if (told.close_at == at)
        transport_close(&tp, now_us);
}

static void on_state(struct transport *t, enum transport_state state, const char *reason,
                     uint64_t at_us, void *arg)
{
    (void)arg;
    assert_int_equal(at_us, now_us);
    assert_int_equal(transport_state(t), state);
    assert_true(told.state_count < ARRAY_LEN(told.states));
    told.states[told.state_count++] = state;
    told.reason = reason;
    if (told.close_state == state)
        close_if(CLOSE_AT_STATE);
}

static void on_rtp(struct transport *t, struct packet *pkt, uint64_t at_us, void *arg)
{
    (void)t;
    (void)at_us;
    (void)arg;
    assert_true(pkt->flags & PACKET_HAS_RTP);
    told.rtp++;
    told.rtp_ssrc = pkt->rtp.ssrc;
    close_if(CLOSE_AT_RTP);
}

static void on_keyframe_request(struct transport *t, uint32_t ssrc, uint64_t at_us, void *arg)
{
    (void)t;
    (void)at_us;
    (void)arg;
    told.keyframes++;
    told.keyframe_ssrc = ssrc;
    close_if(CLOSE_AT_KEYFRAME);
}

static void on_nack(struct transport *t, uint32_t ssrc, const uint16_t *seq, size_t n,
                    uint64_t at_us, void *arg)
{
    (void)t;
    (void)at_us;
    (void)arg;
    told.nack_ssrc = ssrc;
    told.nacked_count = n;
    memcpy(told.nacked, seq, MIN(n, ARRAY_LEN(told.nacked)) * sizeof(*seq));
    close_if(CLOSE_AT_NACK);
}

static void on_bye(struct transport *t, uint32_t ssrc, uint64_t at_us, void *arg)
{
    (void)t;
    (void)at_us;
    (void)arg;
    told.byes++;
    told.bye_ssrc = ssrc;
    close_if(CLOSE_AT_BYE);
}

static const struct transport_handlers handlers = {.on_state = on_state,
                                                   .on_rtp = on_rtp,
                                                   .on_keyframe_request = on_keyframe_request,
                                                   .on_nack = on_nack,
                                                   .on_bye = on_bye};

static void expect_states(const enum transport_state *want, size_t n)
{
    assert_int_equal(told.state_count, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(transport_state_name(told.states[i]), transport_state_name(want[i]));
}

#define EXPECT_STATES(...)                                              \
    expect_states((const enum transport_state[]){__VA_ARGS__},          \
                  sizeof((const enum transport_state[]){__VA_ARGS__}) / \
                      sizeof(enum transport_state))

/* --- ways to a certain state ------------------------------------------------------------------------- */

static void open_transport(void)
{
    struct log_ids ids = {"tp=1"};

    assert_int_equal(
        transport_open(&tp, &world.env, &server_ice, CONSENT_US, &ids, &handlers, NULL, now_us), 0);
}

static struct remote_transport remote_of_endpoint(bool is_dtls_active)
{
    struct remote_transport r = {
        .ice = client_ice, .fingerprint_count = 1, .dtls_active = !is_dtls_active};

    cert_fingerprint(world.client_cert, &r.fingerprint[0]);
    return r;
}

static void start(bool is_endpoint_active)
{
    struct remote_transport remote = remote_of_endpoint(is_endpoint_active);

    endpoint_start(is_endpoint_active);
    open_transport();
    assert_int_equal(transport_set_remote(tp, &remote, now_us), 0);
}

static void connect_endpoint(void)
{
    start(true);
    send_check(true);
    settle();
    dtls_start(endpoint.dtls);
    settle();
    assert_string_equal(transport_state_name(transport_state(tp)), "open");
    assert_non_null(endpoint.rtpsec);
}

static bool send_to_endpoint(uint16_t seq)
{
    uint8_t buf[200];
    size_t len = write_rtp(buf, OUR_SSRC, seq);
    struct rtp_out out = {.stream = transport_send_stream(tp, OUR_SSRC),
                          .head = buf,
                          .head_bytes = 20,
                          .header_bytes = 12,
                          .payload = buf + 20,
                          .payload_bytes = len - 20};

    return transport_send_rtp(tp, &out, 1, now_us) == 1;
}

static int set_up(void **state)
{
    (void)state;
    memset(&told, 0, sizeof(told));
    world.kept_paths = world.dropped_paths = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    disconnect_transport(&tp);
    return 0;
}

/* --- connecting -------------------------------------------------------------------------------------- */

static void it_connects_in_both_dtls_roles_and_carries_media_both_ways(void **state)
{
    (void)state;
    for (int active = 0; active < 2; active++) {
        memset(&told, 0, sizeof(told));
        start(active == 1);
        send_check(true);
        settle();
        assert_int_equal(endpoint.checks_answered, 1);
        dtls_start(endpoint.dtls); /* nothing when it is passive: ours has started */
        settle();
        EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
        assert_int_equal(stats_of(tp).srtp_profile, SRTP_PROFILE_AEAD_AES_128_GCM);
        assert_string_equal(stats_of(tp).dtls_cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

        send_rtp(ITS_SSRC, 7);
        assert_int_equal(told.rtp, 1);
        assert_int_equal(told.rtp_ssrc, ITS_SSRC);
        assert_true(send_to_endpoint(9));
        settle();
        uint8_t want[200];
        assert_int_equal(endpoint.rtp_count, 1);
        assert_int_equal(endpoint.rtp[0].len, write_rtp(want, OUR_SSRC, 9));
        assert_memory_equal(endpoint.rtp[0].data, want, endpoint.rtp[0].len);
        tear_down(state);
    }
}

static void checks_may_come_before_the_remote_description(void **state)
{
    struct remote_transport remote = remote_of_endpoint(true);

    (void)state;
    endpoint_start(true);
    open_transport();
    send_check(true);
    settle();
    assert_int_equal(endpoint.checks_answered, 1);
    assert_int_equal(told.state_count, 0);
    assert_int_equal(transport_set_remote(tp, &remote, now_us), 0);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE);
    assert_int_equal(transport_set_remote(tp, &remote, now_us), E_STATE);
}

static void dtls_may_end_before_a_path_is_nominated(void **state)
{
    (void)state;
    start(true);
    send_check(false);
    settle();
    dtls_start(endpoint.dtls);
    settle();
    assert_int_equal(endpoint.dtls_opened, 1);
    EXPECT_STATES(TRANSPORT_CHECKING);
    send_rtp(ITS_SSRC, 1);
    assert_int_equal(stats_of(tp).srtp_before_open, 1);
    assert_false(send_to_endpoint(1));
    run_us(DTLS_HANDSHAKE_TIMEOUT_US + 1000000); /* the handshake is over, its clock too */
    send_check(true);
    settle();
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_OPEN);
    assert_true(send_to_endpoint(1));
    settle();
    assert_int_equal(endpoint.rtp_count, 1);
}

static void a_foreign_fingerprint_closes_it(void **state)
{
    struct remote_transport remote = remote_of_endpoint(true);

    (void)state;
    remote.fingerprint[0].value[0] ^= 1;
    endpoint_start(true);
    open_transport();
    assert_int_equal(transport_set_remote(tp, &remote, now_us), 0);
    send_check(true);
    dtls_start(endpoint.dtls);
    settle();
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_CLOSED);
    assert_non_null(strstr(told.reason, "fingerprint"));
    assert_int_equal(endpoint.dtls_opened, 0);
    assert_int_equal(endpoint.dtls_closed, 1);
    assert_int_equal(transport_restart_ice(tp, &server_ice_2, &client_ice_2, now_us), E_STATE);
}

static void a_description_without_fingerprints_changes_nothing(void **state)
{
    struct remote_transport remote = remote_of_endpoint(true);

    (void)state;
    remote.fingerprint_count = 0;
    open_transport();
    assert_int_equal(transport_set_remote(tp, &remote, now_us), E_INVALID);
    remote.fingerprint_count = 1;
    assert_int_equal(transport_set_remote(tp, &remote, now_us), 0);
}

static void a_handshake_that_never_ends_closes_it(void **state)
{
    (void)state;
    start(true);
    send_check(true);
    settle();
    for (int i = 0; i < 31; i++) {
        EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE);
        run_us(970000);
        send_check(true);
    }
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_CLOSED);
    assert_string_equal(told.reason, "the DTLS handshake took too long");
}

static void an_active_server_repeats_its_hello(void **state)
{
    (void)state;
    start(false);
    send_check(true);
    end_turn();
    world.flights = 0; /* reply and hello are lost */
    run_us(500000);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
}

static void ufrags_are_unique_and_memory_may_run_out(void **state)
{
    struct transport *other = NULL;
    struct log_ids ids = {"tp=2"};
    int err = 0;

    (void)state;
    open_transport();
    assert_int_equal(
        transport_open(&other, &world.env, &server_ice, CONSENT_US, &ids, &handlers, NULL, now_us),
        E_CONFLICT);
    for (uint64_t n = 1; n < 20; n++) {
        mem_fail_nth(n);
        err = transport_open(&other, &world.env, &server_ice_2, CONSENT_US, &ids, &handlers, NULL,
                             now_us);
        mem_fail_nth(0);
        if (err == 0)
            break;
        assert_int_equal(err, E_NO_MEMORY);
        assert_null(other);
    }
    assert_int_equal(err, 0);
    transport_close(&other, now_us);
}

/* --- what is refused --------------------------------------------------------------------------------- */

static void dtls_before_any_check_is_counted(void **state)
{
    static const uint8_t hello[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};

    (void)state;
    start(true);
    give_directly(tp, &endpoint.path, hello, sizeof(hello));
    settle();
    assert_int_equal(stats_of(tp).dtls_before_check, 1);
    assert_int_equal(stats_of(tp).packets_sent, 0);
}

static void media_is_taken_from_validated_paths_of_an_open_transport_only(void **state)
{
    uint8_t buf[300];
    struct path stranger = path_of(66, 6666, PATH_UDP);
    size_t len = write_rtp(buf, ITS_SSRC, 1);

    (void)state;
    start(true);
    give_directly(tp, &endpoint.path, buf, len);
    assert_int_equal(stats_of(tp).unvalidated_path, 1);
    send_check(true);
    settle();
    give(buf, len);
    assert_int_equal(stats_of(tp).srtp_before_open, 1);
    assert_false(send_to_endpoint(1));
    assert_int_equal(stats_of(tp).send_before_open, 1);
    dtls_start(endpoint.dtls);
    settle();
    len = endpoint_protect_rtp(buf, ITS_SSRC, 1);
    give_directly(tp, &stranger, buf, len);
    assert_int_equal(stats_of(tp).unvalidated_path, 2);
    assert_int_equal(told.rtp, 0);
    give(buf, len);
    assert_int_equal(told.rtp, 1);
}

static void replayed_forged_and_broken_packets_are_counted(void **state)
{
    uint8_t buf[300], copy[300];

    (void)state;
    connect_endpoint();
    size_t len = endpoint_protect_rtp(buf, ITS_SSRC, 1);
    memcpy(copy, buf, len);
    give(buf, len);
    give(copy, len);
    assert_int_equal(stats_of(tp).srtp_replayed, 1);
    len = endpoint_protect_rtp(buf, ITS_SSRC, 2);
    buf[len - 1] ^= 1;
    give(buf, len);
    assert_int_equal(stats_of(tp).srtp_auth_failed, 1);
    give(buf, 13);
    assert_int_equal(stats_of(tp).srtp_malformed, 1);
    assert_int_equal(told.rtp, 1);
    assert_string_equal(transport_state_name(transport_state(tp)), "open");
}

static void malformed_reports_and_foreign_ssrcs_are_counted(void **state)
{
    uint8_t buf[200];
    struct writer w = writer_of(buf, sizeof(buf));
    struct rtcp_block block = {.ssrc = 99};

    (void)state;
    connect_endpoint();
    rtcp_write_rr(&w, ITS_SSRC, &block, 1);
    rtcp_fb_write_pli(&w, ITS_SSRC, 99);
    rtcp_fb_write_nack(&w, ITS_SSRC, 99, (const uint16_t[]){1}, 1);
    rtcp_fb_write_fir(&w, ITS_SSRC, &(struct rtcp_fir_entry){.ssrc = 99}, 1);
    send_rtcp(&w);
    assert_int_equal(stats_of(tp).rtcp_unknown_ssrc, 4);
    assert_int_equal(told.keyframes, 0);
    assert_int_equal(told.nacked_count, 0);
    assert_int_equal(stats_of(tp).rtcp_malformed, 0);
    w = writer_of(buf, sizeof(buf));
    rtcp_write_rr(&w, ITS_SSRC, NULL, 0);
    writer_u32(&w, 0x81c90040); /* claims more than there is */
    send_rtcp(&w);
    assert_int_equal(stats_of(tp).rtcp_malformed, 1);
}

/* --- paths and consent ------------------------------------------------------------------------------- */

static void media_follows_the_nominated_path(void **state)
{
    (void)state;
    connect_endpoint();
    endpoint.path = path_of(2, 2000, PATH_UDP);
    run_us(2000000);
    send_check(false);
    settle();
    send_rtp(ITS_SSRC, 1); /* validated is enough to be heard */
    assert_int_equal(told.rtp, 1);
    assert_true(send_to_endpoint(1));
    end_turn();
    assert_int_equal(world.flight[world.flights - 1].path.remote.port, 1000);
    settle();
    send_check(true);
    settle();
    assert_true(send_to_endpoint(2));
    end_turn();
    assert_int_equal(world.flight[world.flights - 1].path.remote.port, 2000);
    settle();
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
}

static void more_paths_than_are_kept_push_out_old_ones(void **state)
{
    uint8_t buf[300];
    struct mux_stats m;

    (void)state;
    connect_endpoint();
    for (uint16_t i = 0; i < MAX_PATHS_PER_TRANSPORT; i++) {
        now_us += 1000;
        endpoint.path = path_of(3, (uint16_t)(3000 + i), PATH_UDP);
        send_check(false);
        settle();
    }
    assert_int_equal(world.dropped_paths, 1);
    mux_read_stats(world.env.mux, &m);
    uint64_t before = m.unknown_path;
    endpoint.path = path_of(3, 3000, PATH_UDP);
    give(buf, endpoint_protect_rtp(buf, ITS_SSRC, 1));
    mux_read_stats(world.env.mux, &m);
    assert_int_equal(m.unknown_path, before + 1);
}

static void consent_keeps_it_open_and_its_end_fails_it(void **state)
{
    (void)state;
    connect_endpoint();
    for (int i = 0; i < 10; i++) {
        run_us(CONSENT_US / 2);
        send_check(true);
        settle();
    }
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
    run_us(CONSENT_US - 100000);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
    run_us(200000);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN, TRANSPORT_FAILED);
    assert_false(send_to_endpoint(1));
    assert_int_equal(world.dropped_paths, 1);
    assert_false(stats_of(tp).has_path);
}

static void an_ice_restart_brings_a_failed_one_back(void **state)
{
    (void)state;
    connect_endpoint();
    run_us(CONSENT_US + 100000);
    assert_int_equal(transport_restart_ice(tp, &server_ice_2, &client_ice_2, now_us), 0);
    endpoint.local = client_ice_2;
    endpoint.remote = server_ice_2;
    endpoint.path = path_of(4, 4000, PATH_UDP);
    send_check(false);
    settle();
    assert_string_equal(transport_state_name(transport_state(tp)), "failed");
    send_check(true);
    settle();
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN, TRANSPORT_FAILED,
                  TRANSPORT_OPEN);
    send_rtp(ITS_SSRC, 5);
    assert_int_equal(told.rtp, 1);
    assert_true(send_to_endpoint(5));
    settle();
    assert_int_equal(endpoint.rtp_count, 1);
    run_us(CONSENT_US + 100000);
    assert_string_equal(transport_state_name(transport_state(tp)), "failed");
}

static void an_ice_restart_of_an_open_one_loses_no_media_and_retires_the_old_ufrag(void **state)
{
    struct mux_stats m;

    (void)state;
    connect_endpoint();
    assert_int_equal(transport_restart_ice(tp, &server_ice, &client_ice_2, now_us), E_CONFLICT);
    assert_int_equal(transport_restart_ice(tp, &server_ice_2, &client_ice_2, now_us), 0);
    send_rtp(ITS_SSRC, 1);
    assert_true(send_to_endpoint(1));
    settle();
    send_check(true); /* under the old ones, still good */
    settle();
    assert_int_equal(endpoint.checks_answered, 2);
    endpoint.local = client_ice_2;
    endpoint.remote = server_ice_2;
    endpoint.path = path_of(4, 4000, PATH_UDP);
    send_check(true);
    settle();
    assert_int_equal(endpoint.checks_answered, 3);
    send_rtp(ITS_SSRC, 2);
    assert_true(send_to_endpoint(2));
    settle();
    assert_int_equal(told.rtp, 2);
    assert_int_equal(endpoint.rtp_count, 2);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);

    endpoint.local = client_ice;
    endpoint.remote = server_ice;
    endpoint.path = path_of(9, 9000, PATH_UDP);
    send_check(true); /* nobody's now */
    settle();
    mux_read_stats(world.env.mux, &m);
    assert_true(m.unknown_ufrag > 0);
    assert_int_equal(endpoint.checks_answered, 3);
}

static void restarts_in_a_row_leave_no_ufrag_behind(void **state)
{
    struct ice_credentials c = server_ice_2;

    (void)state;
    connect_endpoint();
    for (char i = '0'; i <= '9'; i++) {
        c.ufrag[0] = i;
        assert_int_equal(transport_restart_ice(tp, &c, &client_ice_2, now_us), 0);
    } /* the teardown's mux_free() looks for leftovers */
}

static void a_lost_connection_is_replaced_by_the_next_one(void **state)
{
    struct path first = path_of(5, 5000, PATH_TCP);

    (void)state;
    start(true);
    endpoint.path = first;
    send_check(true);
    dtls_start(endpoint.dtls);
    settle();
    assert_string_equal(transport_state_name(transport_state(tp)), "open");
    assert_true(world.kept_paths > 0);
    mux_path_closed(world.env.mux, &first, now_us);
    assert_false(send_to_endpoint(1));
    endpoint.path = path_of(5, 5001, PATH_TCP);
    send_check(true);
    settle();
    assert_true(send_to_endpoint(2));
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN);
}

/* --- the end ----------------------------------------------------------------------------------------- */

static void the_endpoint_may_close_it(void **state)
{
    (void)state;
    connect_endpoint();
    dtls_shutdown(endpoint.dtls);
    EXPECT_STATES(TRANSPORT_CHECKING, TRANSPORT_HANDSHAKE, TRANSPORT_OPEN, TRANSPORT_CLOSED);
    assert_string_equal(told.reason, "closed by the endpoint");
    run_us(60000000);
    assert_int_equal(told.state_count, 4);
}

static void closing_says_bye_and_close_notify_once(void **state)
{
    static struct rtp_send sends[40];
    struct rtcp_packet p;
    size_t byes = 0;

    (void)state;
    connect_endpoint();
    for (uint32_t i = 0; i < ARRAY_LEN(sends); i++) {
        rtp_send_init(&sends[i], 1000 + i, "cname");
        transport_add_send(tp, &sends[i]);
        if (i % 8 != 7) /* the last one among those that sent nothing */
            rtp_send_packets(&sends[i], 1, 100, now_us);
    }
    transport_close(&tp, now_us);
    assert_null(tp);
    settle();
    for (size_t i = 0; i < endpoint.rtcp_count; i++) {
        struct rtcp_reader r = rtcp_reader_of(endpoint.rtcp[i].data, endpoint.rtcp[i].len);
        while (rtcp_next(&r, &p))
            byes += p.type == RTCP_BYE ? p.bye.n : 0;
        assert_false(r.failed);
    }
    assert_int_equal(byes, 35);
    assert_int_equal(endpoint.dtls_closed, 1);
    assert_string_equal(endpoint.closed_reason, "closed by the endpoint");
    assert_int_equal(told.state_count, 3); /* who closes it knows */
    assert_int_equal(world.dropped_paths, 1);
    for (uint32_t i = 0; i < ARRAY_LEN(sends); i++)
        assert_true(list_is_empty(&sends[i].node));
}

static void it_may_be_closed_in_every_handler(void **state)
{
    static const struct {
        enum close_at at;
        enum transport_state in;
    } rows[] = {
        {CLOSE_AT_STATE, TRANSPORT_CHECKING},
        {CLOSE_AT_STATE, TRANSPORT_HANDSHAKE},
        {CLOSE_AT_STATE, TRANSPORT_OPEN},
        {CLOSE_AT_STATE, TRANSPORT_FAILED},
        {CLOSE_AT_STATE, TRANSPORT_CLOSED},
        {CLOSE_AT_RTP, 0},
        {CLOSE_AT_KEYFRAME, 0},
        {CLOSE_AT_NACK, 0},
        {CLOSE_AT_BYE, 0},
    };

    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        bool is_endpoint_active = i % 2 == 0;
        uint8_t buf[300];
        struct writer w = writer_of(buf, sizeof(buf));
        static struct rtp_send s;
        memset(&told, 0, sizeof(told));
        told.close_at = rows[i / 2].at;
        told.close_state = rows[i / 2].in;
        start(is_endpoint_active);
        rtp_send_init(&s, OUR_SSRC, "cname");
        if (tp != NULL)
            transport_add_send(tp, &s);
        send_check(true);
        settle();
        dtls_start(endpoint.dtls);
        settle();
        if (endpoint.rtpsec != NULL) {
            send_rtp(ITS_SSRC, 1);
            rtcp_write_rr(&w, ITS_SSRC, NULL, 0);
            rtcp_fb_write_fir(&w, 1, (const struct rtcp_fir_entry[]){{OUR_SSRC, 1}, {OUR_SSRC, 2}},
                              2);
            rtcp_fb_write_nack(&w, 1, OUR_SSRC, (const uint16_t[]){1}, 1);
            rtcp_write_bye(&w, (const uint32_t[]){1, 2}, 2);
            send_rtcp(&w);
        }
        if (told.close_state == TRANSPORT_FAILED)
            run_us(CONSENT_US + 100000);
        if (told.close_state == TRANSPORT_CLOSED)
            dtls_shutdown(endpoint.dtls);
        if (tp != NULL)
            fail_msg("row %zu was not closed", i / 2);
        size_t states = told.state_count;
        settle();
        run_us(1000000);
        assert_int_equal(told.state_count, states);
        assert_true(told.keyframes <= 1 || told.close_at != CLOSE_AT_KEYFRAME);
        assert_true(told.byes <= 1 || told.close_at != CLOSE_AT_BYE);
        tear_down(state);
    }
}

/* --- reports and feedback ---------------------------------------------------------------------------- */

static void feedback_of_the_endpoint_is_told(void **state)
{
    static struct rtp_send s;
    uint8_t buf[300];
    struct writer w = writer_of(buf, sizeof(buf));

    (void)state;
    connect_endpoint();
    rtp_send_init(&s, OUR_SSRC, "cname");
    transport_add_send(tp, &s);
    rtcp_write_rr(&w, ITS_SSRC, NULL, 0);
    rtcp_fb_write_pli(&w, ITS_SSRC, OUR_SSRC);
    rtcp_fb_write_nack(&w, ITS_SSRC, OUR_SSRC, (const uint16_t[]){65535, 0, 100}, 3);
    rtcp_write_bye(&w, (const uint32_t[]){ITS_SSRC}, 1);
    send_rtcp(&w);
    assert_int_equal(told.keyframes, 1);
    assert_int_equal(told.keyframe_ssrc, OUR_SSRC);
    assert_int_equal(told.nack_ssrc, OUR_SSRC);
    assert_int_equal(told.nacked_count, 3);
    assert_int_equal(told.nacked[0], 65535);
    assert_int_equal(told.nacked[2], 100);
    assert_int_equal(told.bye_ssrc, ITS_SSRC);
    assert_int_equal(s.plis_received, 1);
    assert_int_equal(s.nacks_received, 1);

    for (int i = 0; i < 4; i++) { /* each twice: the second is the same request again */
        w = writer_of(buf, sizeof(buf));
        rtcp_fb_write_fir(&w, ITS_SSRC, &(struct rtcp_fir_entry){OUR_SSRC, (uint8_t)(i / 2)}, 1);
        send_rtcp(&w);
    }
    assert_int_equal(told.keyframes, 3);
    assert_int_equal(s.firs_received, 2);
    transport_remove_send(tp, &s);
    transport_remove_send(tp, &s);
}

static void keyframes_are_asked_for_by_pli_and_fir(void **state)
{
    static struct rtp_recv r;
    struct rtcp_packet p;
    unsigned plis = 0, firs = 0;
    uint8_t fir_seq[2] = {0};

    (void)state;
    connect_endpoint();
    rtp_recv_init(&r, ITS_SSRC, 90000);
    transport_add_recv(tp, &r);
    assert_true(transport_send_pli(tp, ITS_SSRC, now_us));
    assert_true(transport_send_fir(tp, ITS_SSRC, now_us));
    assert_true(transport_send_fir(tp, ITS_SSRC, now_us));
    settle();
    assert_int_equal(endpoint.rtcp_count, 3);
    for (size_t i = 0; i < endpoint.rtcp_count; i++) {
        struct rtcp_reader reader = rtcp_reader_of(endpoint.rtcp[i].data, endpoint.rtcp[i].len);
        assert_true(rtcp_next(&reader, &p));
        assert_int_equal(p.type, RTCP_RR);
        while (rtcp_next(&reader, &p)) {
            struct rtcp_fir fir;
            if (p.type == RTCP_PSFB && p.fb.fmt == RTCP_PSFB_PLI && p.fb.media_ssrc == ITS_SSRC)
                plis++;
            if (p.type == RTCP_PSFB && p.fb.fmt == RTCP_PSFB_FIR &&
                rtcp_fb_parse_fir(&fir, &p.fb) == 0 && fir.at[0].ssrc == ITS_SSRC)
                fir_seq[firs++] = fir.at[0].seq;
        }
        assert_false(reader.failed);
    }
    assert_int_equal(plis, 1);
    assert_int_equal(firs, 2);
    assert_int_not_equal(fir_seq[0], fir_seq[1]);
    assert_int_equal(r.plis_sent, 1);
    assert_int_equal(r.firs_sent, 2);
}

/* What the endpoint got of reports. */
struct reports {
    size_t datagrams, srs, blocks, cnames;
    struct rtcp_sr last_sr;
    struct rtcp_block last_block;
    char cname[64];
};

static struct reports read_reports(void)
{
    static struct reports got;
    struct rtcp_packet p;

    memset(&got, 0, sizeof(got));
    got.datagrams = endpoint.rtcp_count;
    for (size_t i = 0; i < endpoint.rtcp_count; i++) {
        struct rtcp_reader r = rtcp_reader_of(endpoint.rtcp[i].data, endpoint.rtcp[i].len);
        assert_true(endpoint.rtcp[i].len <= DTLS_MTU_BYTES);
        while (rtcp_next(&r, &p)) {
            assert_true(r.packets > 1 || p.type == RTCP_SR || p.type == RTCP_RR);
            if (p.type == RTCP_SR) {
                got.srs++;
                got.last_sr = p.sr;
            } else if (p.type == RTCP_RR) {
                got.blocks += p.rr.blocks.n;
                if (p.rr.blocks.n > 0)
                    got.last_block = p.rr.blocks.at[p.rr.blocks.n - 1];
            } else if (p.type == RTCP_SDES) {
                got.cnames += p.sdes.n;
                (void)snprintf(got.cname, sizeof(got.cname), "%.*s", (int)p.sdes.at[0].cname.len,
                               p.sdes.at[0].cname.p);
            }
        }
        assert_false(r.failed);
    }
    endpoint.rtcp_count = 0;
    return got;
}

static void reports_go_out_each_second_while_media_flows(void **state)
{
    static struct rtp_send s;
    static struct rtp_recv r;
    uint8_t buf[100];
    uint16_t seq = 0;

    (void)state;
    connect_endpoint();
    rtp_send_init(&s, OUR_SSRC, "our-cname");
    rtp_recv_init(&r, ITS_SSRC, 90000);
    transport_add_send(tp, &s);
    transport_add_recv(tp, &r);
    s.has_clock = true;
    s.clock_hz = 90000;
    s.clock_ts = 5000;
    s.clock_wall_us = wall_us(NULL);
    for (int i = 0; i < 300; i++, seq++) { /* six seconds */
        run_us(20000);
        send_rtp(ITS_SSRC, seq);
        assert_true(rtp_recv_packet(&r, seq, seq * 1800u, 100, now_us));
        assert_true(send_to_endpoint(seq));
        rtp_send_packets(&s, 1, 100, now_us);
        if (i == 30) {
            struct rtcp_sender_info info = {
                .ssrc = ITS_SSRC, .ntp = 0x0001020304050607, .rtp_ts = 1};
            struct writer w = writer_of(buf, sizeof(buf));
            rtcp_write_sr(&w, &info, NULL, 0);
            send_rtcp(&w);
        }
        endpoint.rtp_count = 0;
    }
    struct reports got = read_reports();
    assert_in_range(got.datagrams, 5, 8);
    assert_int_equal(got.srs, got.datagrams);
    assert_int_equal(got.blocks, got.datagrams);
    assert_int_equal(got.cnames, 2 * got.datagrams);
    assert_int_equal(got.last_sr.sender.ssrc, OUR_SSRC);
    assert_in_range(got.last_sr.sender.packets, 230, 300);
    uint64_t sr_us = timebase_wall_us_of_ntp(got.last_sr.sender.ntp) - s.clock_wall_us;
    assert_in_range(got.last_sr.sender.rtp_ts, 5000 + sr_us * 9 / 100 - 1,
                    5000 + sr_us * 9 / 100 + 1);
    assert_int_equal(got.last_block.ssrc, ITS_SSRC);
    assert_int_equal(got.last_block.lsr, 0x02030405);
    assert_true(got.last_block.dlsr > 65536);
    assert_int_equal(got.last_block.cumulative_lost, 0);

    struct writer w = writer_of(
        buf,
        sizeof(buf)); /* echoed by an endpoint that held it for all but 100 ms of the time since */
    uint64_t since_us = wall_us(NULL) - s.clock_wall_us - sr_us + 100000;
    struct rtcp_block echo = {
        .ssrc = OUR_SSRC, .fraction_lost = 3, .lsr = ntp_middle(got.last_sr.sender.ntp)};
    echo.dlsr = (uint32_t)((since_us - 100000) * 65536 / 1000000);
    now_us += 100000;
    rtcp_write_rr(&w, ITS_SSRC, &echo, 1);
    send_rtcp(&w);
    assert_int_equal(s.fraction_lost, 3);
    assert_in_range(stats_of(tp).round_trip_us, 99000, 101000);
}

static void an_idle_transport_says_nothing(void **state)
{
    static struct rtp_send s;
    static struct rtp_recv r;

    (void)state;
    connect_endpoint();
    rtp_send_init(&s, OUR_SSRC, "our-cname");
    rtp_recv_init(&r, ITS_SSRC, 90000);
    transport_add_send(tp, &s);
    transport_add_recv(tp, &r);
    send_rtp(ITS_SSRC, 1);
    assert_true(rtp_recv_packet(&r, 1, 1, 100, now_us));
    run_us(3000000);
    assert_int_equal(read_reports().datagrams, 1);
    uint64_t sent = stats_of(tp).packets_sent;
    run_us(5000000);
    assert_int_equal(stats_of(tp).packets_sent, sent);
}

static void many_streams_are_reported_in_datagrams_of_fitting_size(void **state)
{
    static struct rtp_send sends[60];
    static struct rtp_recv recvs[100];
    uint8_t buf[100];

    (void)state;
    connect_endpoint();
    for (uint32_t i = 0; i < ARRAY_LEN(sends); i++) {
        rtp_send_init(&sends[i], 1000 + i, "a-cname-of-some-length");
        sends[i].has_clock = true;
        sends[i].clock_hz = 48000;
        rtp_send_packets(&sends[i], 1, 100, now_us);
        transport_add_send(tp, &sends[i]);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(recvs); i++) {
        rtp_recv_init(&recvs[i], 2000 + i, 48000);
        assert_true(rtp_recv_packet(&recvs[i], 1, 1, 100, now_us));
        transport_add_recv(tp, &recvs[i]);
    }
    send_rtp(ITS_SSRC, 1);
    run_us(500000);
    struct reports got = read_reports();
    assert_int_equal(got.srs, ARRAY_LEN(sends));
    assert_int_equal(got.blocks, ARRAY_LEN(recvs));

    for (uint32_t i = 0; i < ARRAY_LEN(sends); i++) { /* a long list is looked up by map */
        struct writer w = writer_of(buf, sizeof(buf));
        struct rtcp_block block = {.ssrc = 1000 + i, .fraction_lost = (uint8_t)(i + 1)};
        rtcp_write_rr(&w, ITS_SSRC, &block, 1);
        send_rtcp(&w);
        assert_int_equal(sends[i].fraction_lost, i + 1);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(sends); i++)
        transport_remove_send(tp, &sends[i]);
    struct writer w = writer_of(buf, sizeof(buf));
    rtcp_write_rr(&w, ITS_SSRC, &(struct rtcp_block){.ssrc = 1001}, 1);
    send_rtcp(&w);
    assert_int_equal(stats_of(tp).rtcp_unknown_ssrc, 1);
}

static void it_describes_itself(void **state)
{
    struct strbuf text;

    (void)state;
    connect_endpoint();
    strbuf_init(&text, 1000);
    transport_describe(tp, &text);
    assert_non_null(strstr(text.p, "tp=1"));
    assert_non_null(strstr(text.p, "open"));
    assert_non_null(strstr(text.p, "192.0.0.1:1000"));
    strbuf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_connects_in_both_dtls_roles_and_carries_media_both_ways),
        TEST(checks_may_come_before_the_remote_description),
        TEST(dtls_may_end_before_a_path_is_nominated),
        TEST(a_foreign_fingerprint_closes_it),
        TEST(a_description_without_fingerprints_changes_nothing),
        TEST(a_handshake_that_never_ends_closes_it),
        TEST(an_active_server_repeats_its_hello),
        TEST(ufrags_are_unique_and_memory_may_run_out),
        TEST(dtls_before_any_check_is_counted),
        TEST(media_is_taken_from_validated_paths_of_an_open_transport_only),
        TEST(replayed_forged_and_broken_packets_are_counted),
        TEST(malformed_reports_and_foreign_ssrcs_are_counted),
        TEST(media_follows_the_nominated_path),
        TEST(more_paths_than_are_kept_push_out_old_ones),
        TEST(consent_keeps_it_open_and_its_end_fails_it),
        TEST(an_ice_restart_brings_a_failed_one_back),
        TEST(an_ice_restart_of_an_open_one_loses_no_media_and_retires_the_old_ufrag),
        TEST(restarts_in_a_row_leave_no_ufrag_behind),
        TEST(a_lost_connection_is_replaced_by_the_next_one),
        TEST(the_endpoint_may_close_it),
        TEST(closing_says_bye_and_close_notify_once),
        TEST(it_may_be_closed_in_every_handler),
        TEST(feedback_of_the_endpoint_is_told),
        TEST(keyframes_are_asked_for_by_pli_and_fir),
        TEST(reports_go_out_each_second_while_media_flows),
        TEST(an_idle_transport_says_nothing),
        TEST(many_streams_are_reported_in_datagrams_of_fitting_size),
        TEST(it_describes_itself),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
