/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout_cipher.h - SRTP encryption of one shared packet for many viewers, each under keys of its own.
 *
 *   shared payload ─┐
 *   head of viewer ─┴─► submit(key, stream) ─► dst in the slab ... flush ─► the bytes at every dst are final
 *
 * What leaves is what rtpsec_protect_rtp() would have made (RFC 3711, RFC 7714; no MKI), without the copy that it needs and its
 * lookup of the stream. Reception and SRTCP are rtpsec's. The backend is chosen at run time; all of them know all
 * profiles.
 *
 * Three objects: a `fanout_cipher` is a worker's engine and scratch space. A `fanout_key` is what one association encrypts
 * with; it works with any cipher of the kind that made it. A `fanout_stream` is the sender's state of one SSRC, a plain value
 * inside whatever owns the SSRC.
 *
 * One nonce, one packet: under GCM two different packets with one key, SSRC and index give the authentication key away
 * (RFC 7714 s8.1). So an SSRC has one fanout_stream for as long as its key lives, is never started again under the same key,
 * and its RTP does not go through rtpsec too.
 *
 * Unless a function says otherwise: it runs on the worker that owns the objects, arguments are borrowed for the call, it
 * neither blocks nor allocates nor calls back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/dtls.h"

struct fanout_cipher;
struct fanout_key;

enum fanout_backend {
    FANOUT_BACKEND_AUTO, /* ipsec-mb where it is built in and the CPU has AES-NI and PCLMULQDQ, else OpenSSL */
    FANOUT_BACKEND_IPSEC_MB,
    FANOUT_BACKEND_OPENSSL,
};

#define FANOUT_MAX_TAG_BYTES 16

/*
 * Packets this much older than the newest one are refused, because whether they were sent is not known any more: half a second of
 * 5 Mbit/s. (The index itself, RFC 3711 s3.3.1, could be told up to 2^15 behind.) A stream fits in a cache line.
 *
 * Retransmissions are not concerned: an RTX stream (RFC 4588) has an SSRC and numbers of its own, of any packet in the history. It is
 * about packets that were lost on the way to us and repaired late: those reach a viewer as RTX, when it asks for them.
 */
#define FANOUT_WINDOW_PACKETS 256

/* Start the first sequence number below 2^15: a receiver that loses packets around the first wrap would else guess the rollover
 * counter wrongly (RFC 3711 s3.3.1). */
struct fanout_stream {
    uint32_t ssrc;
    bool started;
    uint64_t newest; /* highest index sent: rollover counter << 16 | sequence number */
    uint64_t sent[FANOUT_WINDOW_PACKETS /
                  64]; /* bit (index mod window), of the window that ends with newest */
};

/* One RTP packet in pieces, as it has to leave. */
struct fanout_packet {
    const uint8_t
        *head; /* the viewer's own front: RTP header, then what was rewritten of the payload */
    size_t header_bytes; /* fixed header, CSRCs and extensions: stays clear, is authenticated */
    size_t head_bytes;   /* at least header_bytes; the rest is encrypted in front of the payload */
    const uint8_t *payload; /* the shared part */
    size_t payload_bytes;
    uint8_t
        padding_bytes; /* RTP padding to append (RFC 3550 s5.1), its count byte included; the P bit is set here, and the
                            * packet must come without padding of its own. 0: none */
};

/**
 * Make a worker's cipher.
 *
 * Owner:  the caller; keys may outlive it.
 * Errors: E_UNSUPPORTED: the wanted backend is not built in or the CPU lacks its instructions (never with AUTO); E_NO_MEMORY,
 *         E_CRYPTO.
 */
MUST_CHECK int fanout_cipher_new(struct fanout_cipher **out, enum fanout_backend which);
/** Free; nothing may be in flight. NULL is fine. */
void fanout_cipher_free(struct fanout_cipher **c);
/** For logs and figures: "ipsec-mb 1.3.0 (AVX2)", "OpenSSL 3.0.17". */
const char *fanout_cipher_name(const struct fanout_cipher *c);

/**
 * Derive the session keys of the local side (RFC 3711 s4.3; RFC 7714 s11) and expand them.
 *
 * Memory: with ipsec-mb 1.2 KB a key for GCM, 0.3 KB for AES128_CM_SHA1_80; with OpenSSL 1.3 and 0.8 KB. A stream takes 48 bytes.
 * Owner:  the caller, who wipes @keys. Free it only after a flush.
 * Errors: E_INVALID for a profile or key lengths we do not know, E_NO_MEMORY, E_CRYPTO.
 */
MUST_CHECK int fanout_key_new(struct fanout_key **out, struct fanout_cipher *c,
                              const struct srtp_keys *keys);
/** Wipe and free. NULL is fine. */
void fanout_key_free(struct fanout_key **k);
/** What a packet grows by: 16, or 10 for AES128_CM_SHA1_80. */
size_t fanout_key_tag_bytes(const struct fanout_key *k);

/** Packets will be encrypted with it in some microseconds (core/prefetch.h). */
void fanout_key_prefetch(const struct fanout_key *k);

/** Begin an SSRC, with rollover counter 0. */
void fanout_stream_init(struct fanout_stream *s, uint32_t ssrc);
/** The rollover counter of the newest packet. */
static inline uint32_t fanout_stream_roc(const struct fanout_stream *s)
{
    return (uint32_t)(s->newest >> 16);
}

/**
 * Encrypt @p into @dst, now or at the latest in fanout_cipher_flush(). Packets of other keys and streams may be in flight.
 *
 * Owner:  @dst must stay where it is, unread and unwritten, until the flush; the pieces of @p are free after the call.
 *         @dst overlaps none of them, may have any alignment, and only *len bytes of it are touched.
 * Units:  @dst has room for header, payload, padding and fanout_key_tag_bytes(); *len is that sum.
 * Errors: E_REPLAY: this sequence number was sent, is older than the window, or is from before the first packet; E_LIMIT: the
 *         2^48 packets of a key are used up; E_CRYPTO. Nothing is in flight and *len is untouched then.
 */
MUST_CHECK int fanout_cipher_submit(struct fanout_cipher *c, const struct fanout_key *key,
                                    struct fanout_stream *s, const struct fanout_packet *p,
                                    uint8_t *dst, size_t *len);
/** Finish everything that is in flight. */
void fanout_cipher_flush(struct fanout_cipher *c);
