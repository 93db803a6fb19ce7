/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtpsec.c - SRTP and SRTCP: which index a packet has, whether it was seen, where its pieces are. What is in them is left to
 * the ciphers of rtpsec_internal.h.
 *
 * Nothing is remembered of a packet before it is authenticated. Only the endpoint can do that, but it could show four billion
 * SSRCs, so they are counted.
 */
#include "transport/rtpsec.h"

#include <limits.h>
#include <string.h>

#include "core/limits.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "core/seq.h"
#include "core/wire.h"
#include "transport/rtpsec_internal.h"

#define RTCP_CLEAR_BYTES 8 /* RFC 3711 s3.4: the first eight bytes stay clear */
#define RTCP_WORD_BYTES 4  /* the E flag and the index behind the packet */
#define RTCP_E_FLAG 0x80000000u

int rtpsec_library_init(void)
{
    int err = rtpsec_ipsec_mb_start();

    return err == E_UNSUPPORTED ? 0 : err;
}

void rtpsec_library_fini(void)
{
    rtpsec_ipsec_mb_stop();
}

/* --- life ------------------------------------------------------------------------------------------------ */

int rtpsec_new(struct rtpsec **out, const struct srtp_keys *keys)
{
    struct rtpsec *s = mem_try_alloc(sizeof(*s));

    if (s == NULL)
        return E_NO_MEMORY;
    s->in.max = MAX_SSRCS_LEARNT_PER_TRANSPORT;
    s->out.max = MAX_SEND_STREAMS_PER_TRANSPORT;
    s->out.seals = true;
    if (session_key_derive(&s->in.rtp_key, &s->in.rtcp_key, keys, keys->remote) != 0 ||
        session_key_derive(&s->out.rtp_key, &s->out.rtcp_key, keys, keys->local) != 0) {
        rtpsec_free(&s);
        return E_CRYPTO;
    }
    *out = s;
    return 0;
}

static void slot_fini(struct rtpsec_slot *slot)
{
    if (slot->cipher != NULL)
        slot->cipher->ops->free(slot->cipher);
}

static void direction_fini(struct rtpsec_direction *d)
{
    slot_fini(&d->rtp);
    for (size_t i = 0; i < d->count; i++)
        mem_free(d->sources[i].rtp);
    mem_free(d->sources);
}

void rtpsec_free(struct rtpsec **sp)
{
    struct rtpsec *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    direction_fini(&s->in);
    direction_fini(&s->out);
    slot_fini(&s->rtcp);
    mem_wipe(s, sizeof(*s));
    mem_free(s);
}

static int cipher_new(struct rtpsec_cipher **out, enum srtp_profile profile)
{
    if (profile == SRTP_PROFILE_AES128_CM_SHA1_80)
        return rtpsec_openssl_cm_new(out);
    return rtpsec_ipsec_mb_is_on() ? rtpsec_ipsec_mb_gcm_new(out) : rtpsec_openssl_gcm_new(out);
}

/* See to it that @slot holds @key, which lives as long as it. */
static int slot_set(struct rtpsec_slot *slot, const struct session_key *key, bool seals)
{
    int err = 0;

    if (slot->key == key)
        return 0;
    slot->key = NULL;
    if (slot->cipher == NULL)
        err = cipher_new(&slot->cipher, key->profile);
    if (err == 0)
        err = slot->cipher->ops->set_key(slot->cipher, key, seals);
    if (err == 0)
        slot->key = key;
    return err;
}

/* Seal or open, as the direction does. */
static int run(struct rtpsec_slot *slot, const struct session_key *key, bool seals,
               const struct rtpsec_job *job)
{
    int err = slot_set(slot, key, seals);

    if (err != 0)
        return err;
    return seals ? slot->cipher->ops->seal(slot->cipher, job)
                 : slot->cipher->ops->open(slot->cipher, job);
}

/* --- SSRCs ----------------------------------------------------------------------------------------------- */

/* Where @ssrc is, or would go. */
static size_t place_of(const struct rtpsec_direction *d, uint32_t ssrc)
{
    size_t lo = 0, hi = d->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->sources[mid].ssrc < ssrc) /* an id, not a sequence: plain order */
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* E_LIMIT when it would be one too many; *out is NULL while it is new. */
static int find_source(struct rtpsec_direction *d, uint32_t ssrc, struct rtpsec_source **out)
{
    size_t at = d->latest;

    *out = NULL;
    if (at >= d->count || d->sources[at].ssrc != ssrc)
        at = place_of(d, ssrc);
    if (at >= d->count || d->sources[at].ssrc != ssrc)
        return d->count < d->max ? 0 : E_LIMIT;
    d->latest = at;
    *out = &d->sources[at];
    return 0;
}

/* Add one that is new; NULL without memory. */
static struct rtpsec_source *add_source(struct rtpsec_direction *d, uint32_t ssrc)
{
    size_t at = place_of(d, ssrc);

    if (d->count == d->size) {
        size_t size = MIN(d->size == 0 ? 2 : d->size * 2, d->max);
        struct rtpsec_source *bigger = mem_try_realloc(d->sources, size * sizeof(*bigger));
        if (bigger == NULL)
            return NULL;
        d->sources = bigger;
        d->size = size;
    }
    memmove(&d->sources[at + 1], &d->sources[at], (d->count - at) * sizeof(*d->sources));
    d->sources[at] = (struct rtpsec_source){.ssrc = ssrc};
    d->count++;
    d->latest = at;
    return &d->sources[at];
}

/* --- SRTP ------------------------------------------------------------------------------------------------ */

/* Bytes of the header with CSRCs and extensions, 0 when they are not all there. */
static size_t header_bytes(const uint8_t *buf, size_t len)
{
    size_t n = RTP_FIXED_HEADER_BYTES;

    if (len < n || buf[0] >> 6 != RTP_VERSION)
        return 0;
    n += (buf[0] & 0x0fu) * 4u;
    if ((buf[0] & 0x10) != 0) { /* RFC 3550 s5.3.1: two bytes of profile, two of length in words */
        if (len < n + 4)
            return 0;
        n += 4 + 4u * wire_get_u16(buf + n + 2);
    }
    return n <= len ? n : 0;
}

/* RFC 3711 s3.3.1 and appendix A. Where the cycle before the first one would be nearest there is only the first. */
static uint64_t estimate_index(const struct rtpsec_window *w, uint16_t seq)
{
    uint16_t newest = (uint16_t)w->newest;
    int ahead = seq16_diff(seq, newest);

    if (ahead == INT16_MIN && newest <= INT16_MAX) /* half a cycle: the RFC stays in this one */
        ahead = -ahead;
    if (ahead < 0 && (uint64_t)-ahead > w->newest)
        ahead += 1 << 16;
    return w->newest + (uint64_t)(int64_t)ahead;
}

/* Find the packet's index, and whether it may still come. */
static int find_index(const struct rtpsec_source *source, uint16_t seq, uint64_t *index)
{
    *index = seq;
    if (source == NULL || source->rtp == NULL)
        return 0;
    *index = estimate_index(source->rtp, seq);
    if (*index > SESSION_KEY_MAX_INDEX)
        return E_LIMIT;
    return replay_has(source->rtp->used, RTPSEC_WINDOW_PACKETS, source->rtp->newest, *index)
               ? E_REPLAY
               : 0;
}

/* Remember that it came. */
static int mark_rtp(struct rtpsec_direction *d, struct rtpsec_source *source, uint32_t ssrc,
                    uint64_t index)
{
    struct rtpsec_window *w = source != NULL ? source->rtp : NULL;

    if (w == NULL) {
        w = mem_try_alloc(sizeof(*w));
        if (w == NULL || (source == NULL && (source = add_source(d, ssrc)) == NULL)) {
            mem_free(w);
            return E_NO_MEMORY;
        }
        source->rtp = w;
        w->newest = index;
    }
    replay_mark(w->used, RTPSEC_WINDOW_PACKETS, &w->newest, index);
    return 0;
}

static void prepare_rtp(struct rtpsec_job *job, const struct session_key *key, uint8_t *buf,
                        uint64_t index)
{
    session_key_nonce(job->iv, key->profile, key->salt, wire_get_u32(buf + 8), index);
    wire_put_u32(job->more, (uint32_t)(index >> 16));
    job->buf = buf;
    job->tag = buf + job->clear_bytes + job->secret_bytes;
}

HOT int rtpsec_unprotect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len)
{
    struct rtpsec_direction *d = &s->in;
    size_t tag_bytes = d->rtp_key.tag_bytes;
    struct rtpsec_job job = {0};
    struct rtpsec_source *source = NULL;
    uint64_t index = 0;
    int err = 0;

    if (*len < RTP_FIXED_HEADER_BYTES + tag_bytes || *len > INT_MAX)
        return E_MALFORMED;
    job.clear_bytes = header_bytes(buf, *len - tag_bytes);
    if (job.clear_bytes == 0)
        return E_MALFORMED;
    job.secret_bytes = *len - tag_bytes - job.clear_bytes;
    err = find_source(d, wire_get_u32(buf + 8), &source);
    if (err == 0)
        err = find_index(source, wire_get_u16(buf + 2), &index);
    if (err != 0)
        return err;
    prepare_rtp(&job, &d->rtp_key, buf, index);
    err = run(&d->rtp, &d->rtp_key, d->seals, &job);
    if (err == 0)
        err = mark_rtp(d, source, wire_get_u32(buf + 8), index);
    if (err == 0)
        *len -= tag_bytes;
    return err;
}

static bool has_room(size_t len, size_t size)
{
    return len <= INT_MAX && size >= len && size - len >= PACKET_TAILROOM_BYTES;
}

int rtpsec_protect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size)
{
    struct rtpsec_direction *d = &s->out;
    struct rtpsec_job job = {0};
    struct rtpsec_source *source = NULL;
    uint64_t index = 0;
    int err = 0;

    if (*len < RTP_FIXED_HEADER_BYTES || !has_room(*len, size))
        return E_INVALID;
    job.clear_bytes = header_bytes(buf, *len);
    if (job.clear_bytes == 0)
        return E_MALFORMED;
    job.secret_bytes = *len - job.clear_bytes;
    err = find_source(d, wire_get_u32(buf + 8), &source);
    if (err == 0)
        err = find_index(source, wire_get_u16(buf + 2), &index);
    if (err == 0)
        err = mark_rtp(d, source, wire_get_u32(buf + 8), index); /* first: a nonce serves once */
    if (err != 0)
        return err;
    prepare_rtp(&job, &d->rtp_key, buf, index);
    err = run(&d->rtp, &d->rtp_key, d->seals, &job);
    if (err == 0)
        *len += d->rtp_key.tag_bytes;
    return err;
}

/* --- SRTCP ----------------------------------------------------------------------------------------------- */

/* The tag stands behind the word with the index (RFC 3711 s3.4), with GCM in front of it (RFC 7714 s9.2). Returns where the
 * word goes. */
static uint8_t *prepare_rtcp(struct rtpsec_job *job, const struct session_key *key, uint8_t *buf,
                             size_t clear_len)
{
    uint8_t *end = buf + clear_len;
    bool is_cm = key->profile == SRTP_PROFILE_AES128_CM_SHA1_80;

    job->is_rtcp = true;
    job->buf = buf;
    job->clear_bytes = RTCP_CLEAR_BYTES;
    job->secret_bytes = clear_len - RTCP_CLEAR_BYTES;
    job->tag = is_cm ? end + RTCP_WORD_BYTES : end;
    return is_cm ? end : end + key->tag_bytes;
}

static int mark_rtcp(struct rtpsec_direction *d, struct rtpsec_source *source, uint32_t ssrc,
                     uint32_t index)
{
    if (source == NULL)
        source = add_source(d, ssrc);
    if (source == NULL)
        return E_NO_MEMORY;
    replay_mark(source->rtcp_used, RTPSEC_RTCP_WINDOW_PACKETS, &source->rtcp_newest, index);
    return 0;
}

int rtpsec_unprotect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len)
{
    struct rtpsec_direction *d = &s->in;
    const struct session_key *key = &d->rtcp_key;
    size_t trailer_bytes = key->tag_bytes + RTCP_WORD_BYTES;
    struct rtpsec_job job = {0};
    struct rtpsec_source *source = NULL;
    uint32_t word = 0, index = 0, ssrc = 0;
    int err = 0;

    if (*len < RTCP_CLEAR_BYTES + trailer_bytes || *len > INT_MAX)
        return E_MALFORMED;
    word = wire_get_u32(prepare_rtcp(&job, key, buf, *len - trailer_bytes));
    if ((word & RTCP_E_FLAG) == 0)
        return E_MALFORMED;
    index = word & ~RTCP_E_FLAG;
    ssrc = wire_get_u32(buf + 4);
    err = find_source(d, ssrc, &source);
    if (err != 0)
        return err;
    if (source != NULL &&
        replay_has(source->rtcp_used, RTPSEC_RTCP_WINDOW_PACKETS, source->rtcp_newest, index))
        return E_REPLAY;
    wire_put_u32(job.more, word);
    session_key_nonce(job.iv, key->profile, key->salt, ssrc, index);
    err = run(&s->rtcp, key, d->seals, &job);
    if (err == 0)
        err = mark_rtcp(d, source, ssrc, index);
    if (err == 0)
        *len -= trailer_bytes;
    return err;
}

int rtpsec_protect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size)
{
    struct rtpsec_direction *d = &s->out;
    const struct session_key *key = &d->rtcp_key;
    struct rtpsec_job job = {0};
    uint8_t *word = NULL;
    int err = 0;

    if (*len < RTCP_CLEAR_BYTES || !has_room(*len, size))
        return E_INVALID;
    if (s->rtcp_sent_index >= SESSION_KEY_MAX_RTCP_INDEX)
        return E_LIMIT;
    s->rtcp_sent_index++;
    word = prepare_rtcp(&job, key, buf, *len);
    wire_put_u32(job.more, RTCP_E_FLAG | s->rtcp_sent_index);
    session_key_nonce(job.iv, key->profile, key->salt, wire_get_u32(buf + 4), s->rtcp_sent_index);
    err = run(&s->rtcp, key, d->seals, &job);
    if (err != 0)
        return err;
    memcpy(word, job.more, RTCP_WORD_BYTES);
    *len += key->tag_bytes + RTCP_WORD_BYTES;
    return 0;
}
