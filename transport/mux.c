/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/mux.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/wire.h"
#include "transport/ice.h"
#include "transport/transport.h"

#define STUN_BINDING_REQUEST 0x0001u

/* Paths are map keys by their bytes, so they must have no padding. */
_Static_assert(sizeof(struct addr) == 16 + 4 + 2 + 1 + 1, "struct addr has padding");
_Static_assert(sizeof(struct path) == 2 * sizeof(struct addr) + 4 + 2 + 2,
               "struct path has padding");

struct mux {
    struct map *ufrags; /* username fragment -> transport */
    struct map *paths;  /* struct path -> transport */
    struct mux_stats stats;
};

struct mux *mux_new(size_t max_transports)
{
    struct mux *m = MEM_NEW(struct mux);

    m->ufrags = map_new(max_transports * 2); /* two each during an ICE restart */
    m->paths = map_new(max_transports * MAX_PATHS_PER_TRANSPORT);
    return m;
}

void mux_free(struct mux **m)
{
    if (*m == NULL)
        return;
    CHECK(map_count((*m)->ufrags) == 0);
    CHECK(map_count((*m)->paths) == 0);
    map_free(&(*m)->ufrags);
    map_free(&(*m)->paths);
    MEM_FREE(*m);
}

int mux_add_ufrag(struct mux *m, const char *ufrag, struct transport *tp)
{
    size_t len = strlen(ufrag);

    if (map_get(m->ufrags, ufrag, len) != NULL)
        return E_CONFLICT;
    return map_put(m->ufrags, ufrag, len, tp);
}

void mux_remove_ufrag(struct mux *m, const char *ufrag)
{
    (void)map_remove(m->ufrags, ufrag, strlen(ufrag));
}

int mux_add_path(struct mux *m, const struct path *path, struct transport *tp)
{
    return map_put(m->paths, path, sizeof(*path), tp);
}

void mux_remove_path(struct mux *m, const struct path *path, const struct transport *owner)
{
    if (map_get(m->paths, path, sizeof(*path)) == owner)
        (void)map_remove(m->paths, path, sizeof(*path));
}

/* Whom a STUN message is for: its username fragment says best, so that a path may change hands; else whose path it is. */
static struct transport *find_for_stun(struct mux *m, const struct path *from,
                                       const struct packet *pkt)
{
    char ufrag[MAX_ICE_CREDENTIAL_LEN + 1];
    bool has_ufrag = ice_peek_ufrag(pkt->data, pkt->len, ufrag);
    struct transport *tp = has_ufrag ? map_get(m->ufrags, ufrag, strlen(ufrag)) : NULL;

    if (tp == NULL)
        tp = map_get(m->paths, from, sizeof(*from));
    if (tp != NULL)
        return tp;
    if (has_ufrag)
        m->stats.unknown_ufrag++;
    else if (pkt->len >= 2 && wire_get_u16(pkt->data) == STUN_BINDING_REQUEST)
        m->stats.plain_bindings++;
    else
        m->stats.unknown_path++;
    return NULL;
}

static struct transport *find_for_media(struct mux *m, const struct path *from)
{
    struct transport *tp = map_get(m->paths, from, sizeof(*from));

    if (tp == NULL)
        m->stats.unknown_path++;
    return tp;
}

/* The classes of RFC 7983 s7; what is missing (ZRTP, TURN channels, QUIC) is nothing that we speak. */
static struct transport *find(struct mux *m, const struct path *from, const struct packet *pkt)
{
    uint8_t first = pkt->len > 0 ? pkt->data[0] : 255;

    if (first <= 3)
        return find_for_stun(m, from, pkt);
    if ((first >= 20 && first <= 63) || (first >= 128 && first <= 191)) /* DTLS; RTP and RTCP */
        return find_for_media(m, from);
    m->stats.unclassified++;
    return NULL;
}

void mux_receive(struct mux *m, const struct path *from, struct packet *pkt, uint64_t now_us)
{
    struct transport *tp = find(m, from, pkt);

    if (tp != NULL)
        transport_receive(tp, from, pkt, now_us);
    else
        packet_unref(&pkt);
}

void mux_path_closed(struct mux *m, const struct path *path, uint64_t now_us)
{
    struct transport *tp = map_remove(m->paths, path, sizeof(*path));

    if (tp != NULL)
        transport_path_closed(tp, path, now_us);
}

void mux_read_stats(const struct mux *m, struct mux_stats *out)
{
    *out = m->stats;
}
