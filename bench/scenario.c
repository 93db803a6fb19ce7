/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.c - see scenario.h. */
#include "bench/scenario.h"

#include "core/err.h"

int scenario_open(struct scenario *s, const char *name, const struct bench_options *o,
                  struct document *d)
{
    int err;

    *s = (struct scenario){.name = name, .options = o, .document = d};
    err = conditions_load_clips(o, &s->clips, d);
    if (err != 0)
        return err;
    conditions_pin_generator(o);
    contenders_of(o, &s->contenders);
    return 0;
}

void scenario_close(struct scenario *s)
{
    conditions_free_clips(&s->clips);
}

static int run_one(struct scenario *s, struct contender *c, unsigned workers, scenario_round *round,
                   void *arg)
{
    const struct stage_config config = {.options = s->options,
                                        .document = s->document,
                                        .clips = &s->clips,
                                        .contender = c,
                                        .workers = workers};
    struct stage *stage = NULL;
    int err = c->is_out ? E_UNSUPPORTED : stage_open(&stage, &config);

    if (err != 0)
        return err == E_UNSUPPORTED ? 0 : err; /* left out, and said */
    err = round(s, stage, c, arg);
    stage_close(&stage);
    return err;
}

int scenario_run_contenders(struct scenario *s, unsigned workers, scenario_round *round, void *arg)
{
    int first_err = 0;

    for (size_t i = 0; i < s->contenders.count; i++) {
        int err = run_one(s, &s->contenders.at[i], workers, round, arg);
        first_err = first_err != 0 ? first_err : err;
    }
    return first_err;
}

int scenario_run_rounds(struct scenario *s, unsigned workers, scenario_round *round, void *arg)
{
    int first_err = 0;

    for (uint32_t i = 0; i < s->options->rounds; i++) {
        int err = scenario_run_contenders(s, workers, round, arg);
        first_err = first_err != 0 ? first_err : err;
    }
    return first_err;
}

struct doc_row *scenario_row(struct scenario *s, const char *server, const char *param,
                             double value)
{
    const struct doc_param params[] = {{.name = param, .value = value}};

    return document_row(s->document, s->name, server, params, ARRAY_LEN(params));
}

uint32_t scenario_first_viewers(const struct bench_options *o, uint32_t usual)
{
    return o->viewers.count > 0 ? o->viewers.value[0] : usual;
}
