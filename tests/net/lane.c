/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - see lane.h.
 *
 * The queue is a list whose head is in the bottleneck until head_done_ns. What has passed it waits in a heap by its time of arrival;
 * packets of one time keep their order.
 */
#include "tests/net/lane.h"

#include <string.h>

#include "core/check.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/rng.h"

#define BITS 8u
#define DEFAULT_QUEUE_NS (200 * LANE_NS_PER_MS)
#define FIRST_HEAP_SIZE 256u

struct held {
    struct list node; /* in the queue */
    uint64_t arrival_ns, number;
    size_t len;
    uint8_t bytes[];
};

struct lane {
    struct lane_settings s;
    struct rng rng;
    struct list queue;
    uint64_t queued_bytes, head_done_ns;
    struct held **heap;
    size_t heap_count, heap_size, held_count;
    uint64_t next_number;
    uint64_t last_arrival_ns; /* of what keeps the order */
    uint64_t jitter_slot, slot_jitter_ns;
    uint64_t dark_from_ns, dark_until_ns;
    bool is_losing; /* Gilbert's bad state */
    struct lane_counters counters;
};

struct lane *lane_new(uint64_t seed)
{
    struct lane *l = MEM_NEW(struct lane);

    l->s.queue_ns = DEFAULT_QUEUE_NS;
    list_init(&l->queue);
    l->heap_size = FIRST_HEAP_SIZE;
    l->heap = mem_alloc_array(l->heap_size, sizeof *l->heap);
    lane_seed(l, seed);
    return l;
}

void lane_seed(struct lane *l, uint64_t seed)
{
    rng_seed(&l->rng, seed);
    l->is_losing = false;
    l->jitter_slot = UINT64_MAX;
}

static void drop(struct lane *l, struct held *packet, uint64_t *counter)
{
    (*counter)++;
    l->held_count--;
    mem_free(packet);
}

void lane_free(struct lane **lp)
{
    struct lane *l = *lp;

    if (l == NULL)
        return;
    LIST_EACH(&l->queue, struct held, node, waiting)
        mem_free(waiting);
    for (size_t i = 0; i < l->heap_count; i++)
        mem_free(l->heap[i]);
    mem_free(l->heap);
    MEM_FREE(*lp);
}

const struct lane_settings *lane_settings(const struct lane *l)
{
    return &l->s;
}

/* ---- the heap of what is under way ---------------------------------------------------------------- */

static bool comes_before(const struct held *a, const struct held *b)
{
    return a->arrival_ns != b->arrival_ns ? a->arrival_ns < b->arrival_ns : a->number < b->number;
}

static void swap(struct held **a, struct held **b)
{
    struct held *t = *a;
    *a = *b;
    *b = t;
}

static void heap_add(struct lane *l, struct held *packet)
{
    size_t i = l->heap_count++;

    if (l->heap_count > l->heap_size) {
        struct held **larger = mem_try_realloc(l->heap, 2 * l->heap_size * sizeof *larger);
        CHECK(larger != NULL);
        l->heap = larger;
        l->heap_size *= 2;
    }
    l->heap[i] = packet;
    for (; i > 0 && comes_before(l->heap[i], l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&l->heap[i], &l->heap[(i - 1) / 2]);
}

static struct held *heap_take(struct lane *l)
{
    struct held *first = l->heap[0];
    size_t i = 0, child;

    l->heap[0] = l->heap[--l->heap_count];
    while ((child = 2 * i + 1) < l->heap_count) {
        if (child + 1 < l->heap_count && comes_before(l->heap[child + 1], l->heap[child]))
            child++;
        if (!comes_before(l->heap[child], l->heap[i]))
            break;
        swap(&l->heap[i], &l->heap[child]);
        i = child;
    }
    return first;
}

/* ---- chance --------------------------------------------------------------------------------------- */

static bool happens(struct lane *l, double probability)
{
    return probability > 0 && rng_unit(&l->rng) < probability;
}

/*
 * Gilbert: everything is lost in the bad state and nothing in the good one. It is left with probability 1 / burst a packet and
 * entered with the one that makes the share of the bad state equal to the loss.
 */
static bool is_lost(struct lane *l)
{
    if (l->s.loss <= 0 || l->s.burst <= 1 || l->s.loss >= 1)
        return happens(l, l->s.loss);
    double leave = 1 / l->s.burst, enter = leave * l->s.loss / (1 - l->s.loss);
    l->is_losing = l->is_losing ? !happens(l, leave) : happens(l, enter);
    return l->is_losing;
}

static uint64_t jitter_at(struct lane *l, uint64_t at_ns)
{
    if (l->s.jitter_ns == 0)
        return 0;
    if (l->s.jitter_reorders)
        return (uint64_t)(rng_unit(&l->rng) * (double)l->s.jitter_ns);
    if (at_ns / LANE_JITTER_SLOT_NS != l->jitter_slot) {
        l->jitter_slot = at_ns / LANE_JITTER_SLOT_NS;
        l->slot_jitter_ns = (uint64_t)(rng_unit(&l->rng) * (double)l->s.jitter_ns);
    }
    return l->slot_jitter_ns;
}

/* ---- the way of a packet -------------------------------------------------------------------------- */

static bool is_dark(const struct lane *l, uint64_t at_ns)
{
    return at_ns >= l->dark_from_ns && at_ns < l->dark_until_ns;
}

static void set_arrival(struct lane *l, struct held *packet, uint64_t at_ns)
{
    uint64_t arrival_ns = at_ns + l->s.delay_ns + jitter_at(l, at_ns);

    if (happens(l, l->s.reorder)) {
        l->counters.reordered++;
        arrival_ns += l->s.reorder_ns;
    } else if (!l->s.jitter_reorders) {
        arrival_ns = MAX(arrival_ns, l->last_arrival_ns);
        l->last_arrival_ns = arrival_ns;
    }
    packet->arrival_ns = arrival_ns;
    packet->number = l->next_number++;
}

static struct held *copy_of(struct lane *l, const uint8_t *bytes, size_t len)
{
    struct held *packet =
        l->held_count < LANE_MAX_PACKETS ? mem_try_alloc(sizeof *packet + len) : NULL;

    if (packet == NULL)
        return NULL;
    memcpy(packet->bytes, bytes, len);
    packet->len = len;
    l->held_count++;
    return packet;
}

/* The packet has left the bottleneck. */
static void leave_bottleneck(struct lane *l, struct held *packet, uint64_t at_ns)
{
    if (is_dark(l, at_ns)) {
        drop(l, packet, &l->counters.dropped_dark);
        return;
    }
    if (is_lost(l)) {
        drop(l, packet, &l->counters.dropped_loss);
        return;
    }
    set_arrival(l, packet, at_ns);
    heap_add(l, packet);
    struct held *twin = happens(l, l->s.duplicate) ? copy_of(l, packet->bytes, packet->len) : NULL;
    if (twin != NULL) {
        l->counters.duplicated++;
        set_arrival(l, twin, at_ns);
        heap_add(l, twin);
    }
}

static struct held *head_of(const struct lane *l)
{
    return LIST_FIRST(&l->queue, struct held, node);
}

static uint64_t time_of(const struct lane *l, uint64_t bytes)
{
    return l->s.rate_bps == 0 ? 0 : bytes * BITS * LANE_NS_PER_S / l->s.rate_bps;
}

static void advance(struct lane *l, uint64_t now_ns)
{
    struct held *head;

    while ((head = head_of(l)) != NULL && l->head_done_ns <= now_ns) {
        uint64_t at_ns = l->head_done_ns;
        list_remove(&head->node);
        l->queued_bytes -= head->len;
        if (head_of(l) != NULL)
            l->head_done_ns = at_ns + time_of(l, head_of(l)->len);
        leave_bottleneck(l, head, at_ns);
    }
}

static uint64_t wait_of_next(const struct lane *l, uint64_t now_ns)
{
    const struct held *head = head_of(l);

    if (head == NULL)
        return 0;
    return l->head_done_ns - MIN(now_ns, l->head_done_ns) + time_of(l, l->queued_bytes - head->len);
}

static bool has_room(const struct lane *l, size_t len, uint64_t now_ns)
{
    if (l->s.queue_bytes != 0 && l->queued_bytes + len > l->s.queue_bytes)
        return false;
    return l->s.queue_ns == 0 || wait_of_next(l, now_ns) <= l->s.queue_ns;
}

void lane_push(struct lane *l, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
    advance(l, now_ns);
    l->counters.packets_in++;
    l->counters.bytes_in += len;
    if (is_dark(l, now_ns)) {
        l->counters.dropped_dark++;
        return;
    }
    struct held *packet =
        l->s.rate_bps == 0 || has_room(l, len, now_ns) ? copy_of(l, bytes, len) : NULL;
    if (packet == NULL) {
        l->counters.dropped_queue++;
        return;
    }
    if (l->s.rate_bps == 0) {
        leave_bottleneck(l, packet, now_ns);
        return;
    }
    if (head_of(l) == NULL)
        l->head_done_ns = now_ns + time_of(l, len);
    list_append(&l->queue, &packet->node);
    l->queued_bytes += len;
}

size_t lane_pop(struct lane *l, uint8_t *out, size_t cap, uint64_t now_ns)
{
    advance(l, now_ns);
    while (l->heap_count > 0 && l->heap[0]->arrival_ns <= now_ns) {
        struct held *packet = heap_take(l);
        if (is_dark(l, packet->arrival_ns)) {
            drop(l, packet, &l->counters.dropped_dark);
            continue;
        }
        size_t len = MIN(packet->len, cap);
        memcpy(out, packet->bytes, len);
        l->counters.bytes_out += packet->len;
        drop(l, packet, &l->counters.packets_out);
        return len;
    }
    return 0;
}

uint64_t lane_next_ns(const struct lane *l)
{
    uint64_t queue_ns = list_is_empty(&l->queue) ? UINT64_MAX : l->head_done_ns;
    uint64_t heap_ns = l->heap_count == 0 ? UINT64_MAX : l->heap[0]->arrival_ns;

    return MIN(queue_ns, heap_ns);
}

/* ---- settings ------------------------------------------------------------------------------------- */

void lane_set(struct lane *l, const struct lane_settings *s, uint64_t now_ns)
{
    advance(l, now_ns);
    if (head_of(l) != NULL && s->rate_bps != l->s.rate_bps) {
        /* What is left of the head is sent at the new rate. */
        double left_ns = (double)(l->head_done_ns - now_ns) * (double)l->s.rate_bps;
        l->head_done_ns =
            now_ns + (s->rate_bps == 0 ? 0 : (uint64_t)(left_ns / (double)s->rate_bps));
    }
    l->s = *s;
    l->jitter_slot = UINT64_MAX;
    advance(l, now_ns);
}

void lane_darken(struct lane *l, uint64_t now_ns, uint64_t until_ns)
{
    advance(l, now_ns);
    if (!is_dark(l, now_ns))
        l->dark_from_ns = now_ns;
    l->dark_until_ns = until_ns;
}

struct lane_counters lane_counters(struct lane *l, uint64_t now_ns)
{
    advance(l, now_ns);
    l->counters.queue_bytes = l->queued_bytes;
    l->counters.queue_ns = wait_of_next(l, now_ns);
    l->counters.packets_held = l->held_count;
    return l->counters;
}
