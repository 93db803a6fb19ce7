/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - intrusive doubly linked list. A node belongs to at most one list; an unlinked node points to itself, so
 * list_remove twice is fine. The walkers allow removal of the current node. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

static inline void list_append(struct list *head, struct list *n)
{
    list_insert_between(n, head->prev, head);
}

static inline void list_prepend(struct list *head, struct list *n)
{
    list_insert_between(n, head, head->next);
}

static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/** Move everything of @from to the end of @to; @from is empty afterwards. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_EACH(head, type, member, var)                                                    \
    for (struct list *var##_n = (head)->next, *var##_next = var##_n->next; var##_n != (head); \
         var##_n = var##_next, var##_next = var##_n->next)                                    \
        for (type *var = CONTAINER_OF(var##_n, type, member), *var##_once = var;              \
             var##_once != NULL; var##_once = NULL)

#define LIST_FIRST(head, type, member) \
    (list_is_empty(head) ? NULL : CONTAINER_OF((head)->next, type, member))
