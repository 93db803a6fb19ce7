/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_mixer.c - the figures of mixer threads: rows of a table, as those of media workers. docs/operations.md explains each. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/metrics.h"
#include "api/metrics_text.h"
#include "core/attr.h"

enum unit { WHOLE, MICROSECONDS, NANOSECONDS };

struct row {
    const char *name;
    enum metric_type type;
    const char *help;         /* of the first row of a family */
    const char *label, *word; /* beside the mixer; NULL: none */
    enum unit unit;
    size_t offset; /* in struct mixer_stats */
};

#define AT(member) offsetof(struct mixer_stats, member)
#define ROW(name, type, help, member)                   \
    {                                                   \
        name, type, help, NULL, NULL, WHOLE, AT(member) \
    }
#define STAGE(word, member)                                                                      \
    {                                                                                            \
        "parley_mixer_cpu_seconds_total", METRIC_COUNTER, "Processor time of mixing, by stage.", \
            "stage", word, NANOSECONDS, AT(member)                                               \
    }
#define FRAMES(word, member)                                                                   \
    {                                                                                          \
        "parley_mixer_frames_total", METRIC_COUNTER,                                           \
            "Pictures that were decoded, encoded, could not be decoded, or were left out for " \
            "want of time; ticks of sound that were.",                                         \
            "kind", word, WHOLE, AT(member)                                                    \
    }
#define LOST(word, member)                                                                 \
    {                                                                                      \
        "parley_mixer_packets_dropped_total", METRIC_COUNTER,                              \
            "Packets of no input or of no track, for which a worker had no room, or that " \
            "could not be made.",                                                          \
            "reason", word, WHOLE, AT(member)                                              \
    }

static const struct row rows[] = {
    ROW("parley_mixes", METRIC_GAUGE, "Rooms that are mixed.", mixes),
    ROW("parley_mixes_lowered", METRIC_GAUGE,
        "Those that make less than they were told, for want of time.", lowered),
    ROW("parley_mixer_received_packets_total", METRIC_COUNTER, "RTP packets from media workers.",
        packets_in),
    ROW("parley_mixer_sent_packets_total", METRIC_COUNTER, "RTP packets to media workers.",
        packets_out),
    LOST("unknown_track", packets_unknown),
    LOST("worker_behind", dropped),
    LOST("no_packet", no_packet),
    LOST("no_track", no_track),
    LOST("unsendable", unsendable),
    FRAMES("decoded", pictures_in),
    FRAMES("malformed", decode_errors),
    FRAMES("encoded", encoded),
    FRAMES("late", late),
    FRAMES("late_sound", late_sound),
    STAGE("decode", decode_ns),
    STAGE("compose", compose_ns),
    STAGE("encode", encode_ns),
    STAGE("audio", audio_ns),
    {"parley_mixer_loop_busy_seconds_total", METRIC_COUNTER,
     "Time that a mixer did not wait: its rate is the load of its thread.", NULL, NULL,
     MICROSECONDS, AT(loop.busy_us)},
    ROW("parley_mixer_picture_bytes", METRIC_GAUGE, "Pictures of decoders and canvases.",
        pictures.live_bytes),
};

static void write_sample(const struct row *row, const struct registry_mixer_stats *m,
                         struct strbuf *out)
{
    char index[16];
    const struct metric_label label[] = {{"mixer", index}, {row->label, row->word}};
    size_t n = row->label != NULL ? 2 : 1;
    uint64_t value = *(const uint64_t *)(const void *)((const char *)&m->mixer + row->offset);

    (void)snprintf(index, sizeof(index), "%u", m->index);
    if (row->unit == WHOLE)
        metrics_text_number(out, row->name, label, n, value);
    else
        metrics_text_seconds(out, row->name, label, n,
                             row->unit == MICROSECONDS ? value : value / 1000);
}

void metrics_write_mixers(const struct registry_stats *r, struct strbuf *out)
{
    const char *family = "";

    for (size_t i = 0; i < ARRAY_LEN(rows) && r->mixer_count > 0; i++) {
        if (strcmp(rows[i].name, family) != 0)
            metrics_text_family(out, rows[i].name, rows[i].type, rows[i].help);
        family = rows[i].name;
        for (size_t k = 0; k < r->mixer_count; k++)
            if (r->mixer[k].err == 0)
                write_sample(&rows[i], &r->mixer[k], out);
    }
}
