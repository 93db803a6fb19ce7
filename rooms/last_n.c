/* SPDX-License-Identifier: Apache-2.0 */
/* last_n.c - see last_n.h. */
#include "rooms/last_n.h"

#include "rooms/rooms_internal.h"
#include "rooms/slots.h"

/* ---- ranks ---- */

static bool has_video(const struct participant *p, bool is_screen)
{
    if (p->permissions.hidden)
        return false;
    LIST_EACH(&p->publications, struct publication, node, pub)
        if (pub->kind == MEDIA_VIDEO && (!is_screen || pub->source == TRACK_SOURCE_SCREEN))
            return true;
    return false;
}

static void give_rank(struct participant *p, unsigned *next)
{
    if (p->next_video_rank == LAST_N_NO_VIDEO)
        p->next_video_rank = (*next)++;
}

static void rank_all(struct room *r)
{
    struct speaker_member *recent[MAX_LAST_N + 1];
    size_t n = speaker_recent(&r->speakers.speaker, recent, MAX_LAST_N + 1);
    unsigned next = 0;

    LIST_EACH(&r->participants, struct participant, node, p) {
        p->next_video_rank = LAST_N_NO_VIDEO;
        if (has_video(p, true))
            give_rank(p, &next);
    }
    for (size_t i = 0; i < n; i++) {
        struct participant *p = CONTAINER_OF(recent[i], struct publication, voice)->participant;
        if (has_video(p, false))
            give_rank(p, &next);
    }
    LIST_EACH(&r->participants, struct participant, node, p)
        if (has_video(p, false))
            give_rank(p, &next);
}

bool last_n_takes(const struct participant *p, const struct publication *pub)
{
    unsigned rank = pub->participant->video_rank;

    if (!p->has_last_n || pub->kind != MEDIA_VIDEO)
        return true;
    return rank != LAST_N_NO_VIDEO && rank - (p->video_rank < rank) < p->last_n;
}

/* ---- wishes ---- */

enum step { LET_GO, HOLD, SEEK };

/* First nobody's slot is given away and all who come wait; then slots go from one to the other; the rest asks for more. */
static void step_wish(struct wish *w, enum step step)
{
    if (w->number != 0 || w->is_chosen || w->kind != MEDIA_VIDEO || !w->participant->has_last_n)
        return;
    bool takes = last_n_takes(w->participant, w->publication);
    if (step == LET_GO && takes)
        slots_let_go(w);
    else if (step == HOLD && !takes)
        slots_hold(w);
    else if (step == SEEK && takes)
        slots_seek(w);
}

static void step_participant(struct participant *p, enum step step)
{
    LIST_EACH(&p->publications, struct publication, node, pub)
        LIST_EACH(&pub->wishes, struct wish, publication_node, w)
            step_wish(w, step);
    if (!p->has_last_n)
        return;
    LIST_EACH(&p->wishes, struct wish, node, w) /* whoever ranked itself sees one more, or less */
        step_wish(w, step);
}

/* Whether its old or new rank is among those that anybody receives. */
static bool matters(const struct room *r, unsigned rank, unsigned next)
{
    return rank != next && MIN(rank, next) <= r->speakers.largest_last_n;
}

void last_n_review(struct room *r)
{
    if (r->speakers.last_n_users == 0)
        return;
    rank_all(r);
    LIST_EACH(&r->participants, struct participant, node, p) {
        unsigned before = p->video_rank;
        p->video_rank = p->next_video_rank;
        p->next_video_rank = matters(r, before, p->video_rank);
    }
    for (enum step step = LET_GO; step <= SEEK; step++)
        LIST_EACH(&r->participants, struct participant, node, p)
            if (p->next_video_rank != 0)
                step_participant(p, step);
}

void last_n_participant_joined(struct participant *p)
{
    struct speakers *sp = &p->room->speakers;

    if (!p->has_last_n)
        return;
    sp->largest_last_n = MAX(sp->largest_last_n, p->last_n);
    if (sp->last_n_users++ == 0)
        last_n_review(p->room);
}

void last_n_participant_left(struct participant *p)
{
    p->room->speakers.last_n_users -= p->has_last_n;
}
