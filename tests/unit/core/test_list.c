/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/list.h"

struct item {
    char name;
    struct list node;
};

static struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};

static const char *names(struct list *head)
{
    static char text[16];
    size_t len = 0;

    LIST_EACH(head, struct item, node, item)
        text[len++] = item->name;
    text[len] = 0;
    return text;
}

static void items_keep_their_order(void **state)
{
    struct list head;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(LIST_FIRST(&head, struct item, node));
    assert_string_equal(names(&head), "");
    list_append(&head, &items[1].node);
    list_append(&head, &items[2].node);
    list_prepend(&head, &items[0].node);
    assert_string_equal(names(&head), "abc");
    assert_ptr_equal(LIST_FIRST(&head, struct item, node), &items[0]);
}

static void a_node_may_be_removed_twice(void **state)
{
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &items[0].node);
    list_append(&head, &items[1].node);
    list_remove(&items[0].node);
    list_remove(&items[0].node);
    assert_true(list_is_empty(&items[0].node));
    assert_string_equal(names(&head), "b");
    list_remove(&items[1].node);
    assert_true(list_is_empty(&head));
}

static void the_walker_stands_removal_of_the_current_node(void **state)
{
    struct list head;

    (void)state;
    list_init(&head);
    for (size_t i = 0; i < 4; i++)
        list_append(&head, &items[i].node);
    LIST_EACH(&head, struct item, node, item) {
        if (item->name != 'b')
            list_remove(&item->node);
    }
    assert_string_equal(names(&head), "b");
}

static void splice_moves_everything_to_the_end(void **state)
{
    struct list to, from;

    (void)state;
    list_init(&to);
    list_init(&from);
    list_splice(&to, &from);
    assert_true(list_is_empty(&to));
    list_append(&from, &items[2].node);
    list_append(&from, &items[3].node);
    list_append(&to, &items[0].node);
    list_splice(&to, &from);
    assert_true(list_is_empty(&from));
    assert_string_equal(names(&to), "acd");
    list_splice(&from, &to);
    list_append(&from, &items[1].node);
    assert_string_equal(names(&from), "acdb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_their_order),
        cmocka_unit_test(a_node_may_be_removed_twice),
        cmocka_unit_test(the_walker_stands_removal_of_the_current_node),
        cmocka_unit_test(splice_moves_everything_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
