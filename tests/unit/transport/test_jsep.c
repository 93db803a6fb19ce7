/* SPDX-License-Identifier: Apache-2.0 */
/* One offer, one answer; what happens from offer to offer is in test_jsep_history.c. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "core/mem.h"
#include "tests/unit/transport/offers.h"

#define MAX_LINES 16

#define H264(pt, mode, profile)                                        \
    "a=rtpmap:" pt " H264/90000\r\n"                                   \
    "a=fmtp:" pt " level-asymmetry-allowed=1;packetization-mode=" mode \
    ";profile-level-id=" profile "\r\n"
#define SECTION(line, mid, rest) line "\r\na=mid:" mid "\r\n" TRANSPORT rest
#define TWCC_EXT \
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
#define TWCC(pt) "a=rtcp-fb:" pt " transport-cc\r\n" TWCC_EXT
#define ABS_SEND_TIME_EXT \
    "a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
#define CSRC_LEVEL_EXT(id, direction) \
    "a=extmap:" id direction " urn:ietf:params:rtp-hdrext:csrc-audio-level\r\n"
#define REMB "a=rtcp-fb:96 goog-remb\r\n" ABS_SEND_TIME_EXT
#define SIMULCAST_RIDS "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\n"

/* ---- what an offer is answered with ---- */

static const struct {
    const char *name, *offer;
    const char *said[MAX_LINES]; /* each must be in the answer */
    const char *not_said[6];
} answers[] = {
    {"the session is ours, ice-lite, bundled",
     SESSION_HEAD BUNDLE("0 1") "a=extmap-allow-mixed\r\n" AUDIO("0", "a=sendonly\r\n")
         VIDEO("1", "a=sendonly\r\n"),
     {"v=0\r\no=- ",
      " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 "
      "1\r\na=extmap-allow-mixed\r\na=ice-lite\r\n",
      "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\n",
      "m=video 40000 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.1\r\na=mid:1\r\n",
      "a=fingerprint:sha-256 01:02:03:00:00:00:", "a=setup:passive\r\na=candidate:1 1 udp ",
      " 192.0.2.1 40000 typ host tcptype passive\r\na=end-of-candidates\r\na=rtcp-mux\r\n"},
     {"ice-options", "rtcp-rsize", "abcd",
      "candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host\r\na=rtcp-mux"}},
    {"sendonly is received",
     SESSION_HEAD BUNDLE("0") AUDIO("0", "a=sendonly\r\n"),
     {"a=recvonly\r\n"},
     {"a=ssrc", "a=msid", "a=sendonly"}},
    {"recvonly gets a stream of ours, with RTX",
     SESSION_HEAD BUNDLE("v") VIDEO("v", "a=recvonly\r\n"),
     {"a=sendonly\r\n", "a=msid:parley parley-v\r\n", "a=ssrc-group:FID ", " cname:parley\r\n",
      " msid:parley parley-v\r\n"},
     {"a=recvonly"}},
    {"no direction is sendrecv",
     SESSION_HEAD BUNDLE("0") AUDIO("0", ""),
     {"a=sendrecv\r\na=msid:parley parley-0\r\na=ssrc:"},
     {"FID"}},
    {"inactive stays inactive",
     SESSION_HEAD BUNDLE("0") AUDIO("0", "a=inactive\r\n"),
     {"40000 UDP", "a=inactive\r\n"},
     {0}},
    {"codecs of ours in the offer's order, with RTX behind each",
     SESSION_HEAD BUNDLE("0")
         SECTION("m=video 9 UDP/TLS/RTP/SAVPF 41 98 99 96 100 97", "0",
                 VP8_RTX "a=rtpmap:41 AV1/90000\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 "
                         "profile-id=0\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"
                         "a=rtpmap:100 red/90000\r\na=sendonly\r\n"),
     {"m=video 40000 UDP/TLS/RTP/SAVPF 41 98 99 96 97\r\n",
      "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n",
      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n", "a=rtpmap:41 AV1/90000\r\n"},
     {"red"}},
    {"H.264 in packetization mode 1 and a baseline profile only",
     SESSION_HEAD BUNDLE("0") SECTION("m=video 9 UDP/TLS/RTP/SAVPF 100 101 102 103", "0",
                                      H264("100", "0", "42e01f") H264("101", "1", "42e01f")
                                          H264("102", "1", "42001f") H264("103", "1", "640c1f")),
     {"SAVPF 101 102\r\n",
      "a=fmtp:101 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"},
     {"640c1f", ":100 ", ":103 "}},
    {"VP9 and AV1 in profile 0 only",
     SESSION_HEAD BUNDLE("0")
         SECTION("m=video 9 UDP/TLS/RTP/SAVPF 98 99 45 46", "0",
                 "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\na=rtpmap:99 VP9/90000\r\n"
                 "a=rtpmap:45 AV1/90000\r\na=fmtp:45 profile=1\r\na=rtpmap:46 AV1/90000\r\n"),
     {"SAVPF 99 46\r\n"},
     {0}},
    {"audio: G.711 by static payload type, telephone events, RED of Opus, no comfort noise",
     SESSION_HEAD BUNDLE("0")
         SECTION("m=audio 9 UDP/TLS/RTP/SAVPF 63 8 0 13 9 111 110", "0",
                 OPUS "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:13 CN/8000\r\n"
                      "a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 "
                      "telephone-event/48000\r\na=ptime:20\r\n"),
     {"SAVPF 63 8 0 111 110\r\n", "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n",
      "a=rtpmap:8 PCMA/8000\r\n", "a=rtpmap:0 PCMU/8000\r\n", "a=rtpmap:111 opus/48000/2\r\n",
      "a=fmtp:111 minptime=10;useinbandfec=1\r\n"},
     {"CN", "G722"}},
    {"no RED of a codec that was not taken, of several, or of none",
     SESSION_HEAD BUNDLE("0")
         SECTION("m=audio 9 UDP/TLS/RTP/SAVPF 63 64 65 66 111 0", "0",
                 OPUS "a=rtpmap:63 red/48000/2\r\na=fmtp:63 9/9\r\na=rtpmap:64 red/48000/2\r\n"
                      "a=fmtp:64 111/0\r\na=rtpmap:65 red/48000/2\r\na=rtpmap:66 red/48000/2\r\n"
                      "a=fmtp:66 0/0\r\n"),
     {"SAVPF 111 0\r\n"},
     {"red"}},
    {"RED alone is no sound",
     SESSION_HEAD BUNDLE("0 1") VIDEO("0", "") SECTION(
         "m=audio 9 UDP/TLS/RTP/SAVPF 63", "1", "a=rtpmap:63 red/48000/2\r\na=fmtp:63 63/63\r\n"),
     {"m=audio 0 "},
     {"red"}},
    {"H.264 that says nothing of itself is received",
     SESSION_HEAD BUNDLE("0") SECTION("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "0",
                                      "a=rtpmap:96 H264/90000\r\na=rtpmap:97 rtx/90000\r\n"
                                      "a=fmtp:97 apt=96\r\na=rtcp-fb:96 nack\r\na=sendonly\r\n"),
     {"SAVPF 96 97\r\n", "a=rtpmap:96 H264/90000\r\n",
      "a=fmtp:96 packetization-mode=0;profile-level-id=42000a\r\n", "a=rtcp-fb:96 nack\r\n",
      "a=recvonly\r\n"},
     {0}},
    {"and where there is something else, that is",
     SESSION_HEAD BUNDLE("0") SECTION("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "0",
                                      "a=rtpmap:96 H264/90000\r\n" H264("97", "0", "42e01f")
                                          H264("98", "1", "42e01f") "a=sendonly\r\n"),
     {"SAVPF 98\r\n"},
     {"mode=0"}},
    {"but nobody is sent in packets that he does not know",
     SESSION_HEAD BUNDLE("0 1") AUDIO("0", "")
         SECTION("m=video 9 UDP/TLS/RTP/SAVPF 96", "1", "a=rtpmap:96 H264/90000\r\na=recvonly\r\n"),
     {"m=video 0 "},
     {"H264"}},
    {"feedback that we live up to, of payload types that were taken",
     SESSION_HEAD BUNDLE("0")
         VIDEO("0", "a=sendonly\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:97 "
                    "transport-cc\r\na=rtcp-fb:96 ccm fir\r\n"
                    "a=rtcp-fb:* nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:120 nack pli\r\n"),
     {"a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\n"},
     {"goog-remb", "transport-cc", ":120", "fb:97"}},
    {"transport-wide feedback both ways",
     SESSION_HEAD BUNDLE("0 1 2") AUDIO("0", TWCC("111") "a=sendonly\r\n") VIDEO("1", TWCC("96"))
         VIDEO("2", TWCC("*") "a=sendonly\r\n"),
     {"a=rtcp-fb:111 transport-cc\r\n" TWCC_EXT "a=recvonly\r\n",
      "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" TWCC_EXT
      "a=sendrecv\r\n",
      TWCC_EXT "a=recvonly\r\n"},
     {"fb:97"}},
    {"also where the offerer only receives",
     SESSION_HEAD BUNDLE("0") AUDIO("0", TWCC("111") "a=recvonly\r\n"),
     {"a=rtcp-fb:111 transport-cc\r\n" TWCC_EXT "a=sendonly\r\n"},
     {"fb:97"}},
    {"no packet numbers that nobody would report",
     SESSION_HEAD BUNDLE("0") VIDEO("0", TWCC_EXT "a=sendonly\r\n"),
     {"a=recvonly\r\n"},
     {"transport-wide"}},
    {"no report of packets without numbers",
     SESSION_HEAD BUNDLE("0") VIDEO("0", "a=rtcp-fb:96 transport-cc\r\na=sendonly\r\n"),
     {"a=recvonly\r\n"},
     {"transport-cc"}},
    {"estimates where transport-wide feedback is not known: of packets that say when they were "
     "sent, "
     "both ways",
     SESSION_HEAD BUNDLE("0 1 2") VIDEO("0", REMB "a=sendonly\r\n")
         VIDEO("1", REMB "a=recvonly\r\n") VIDEO("2", REMB TWCC("96") "a=sendonly\r\n"),
     {"a=rtcp-fb:96 goog-remb\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" ABS_SEND_TIME_EXT
      "a=recvonly\r\n",
      "a=rtcp-fb:96 goog-remb\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" ABS_SEND_TIME_EXT
      "a=sendonly\r\n",
      "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" TWCC_EXT
      "a=recvonly\r\n"},
     {"fb:97"}},
    {"a receiver that estimates without being told when packets left",
     SESSION_HEAD BUNDLE("0 1") VIDEO("0", "a=rtcp-fb:96 goog-remb\r\na=recvonly\r\n")
         VIDEO("1", ABS_SEND_TIME_EXT "a=recvonly\r\n"),
     {"a=rtcp-fb:96 goog-remb\r\n"},
     {"abs-send-time"}},
    {"nobody who tells when each packet arrived is told when it left",
     SESSION_HEAD BUNDLE("0") VIDEO("0", REMB TWCC("96") "a=recvonly\r\n"),
     {TWCC_EXT "a=sendonly\r\n"},
     {"abs-send-time", "goog-remb"}},
    {"no estimate without the times it is made of",
     SESSION_HEAD BUNDLE("0 1") VIDEO("0", "a=rtcp-fb:96 goog-remb\r\na=sendonly\r\n")
         VIDEO("1", ABS_SEND_TIME_EXT "a=sendonly\r\n"),
     {"a=recvonly\r\n"},
     {"goog-remb", "abs-send-time"}},
    {"header extensions under the offer's ids, directions mirrored",
     SESSION_HEAD BUNDLE("0") VIDEO(
         "0",
         "a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2/sendonly "
         "urn:3gpp:video-orientation\r\n"
         "a=extmap:3/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"
         "a=extmap:4/inactive http://www.webrtc.org/experiments/rtp-hdrext/video-timing\r\n"
         "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:9 urn:unknown\r\n"
         "a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
         "a=extmap:10 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
         "a=extmap:11 http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00\r\n"
         "a=extmap:12 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
         "a=extmap:16 http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n"),
     {"a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2/recvonly "
      "urn:3gpp:video-orientation\r\n"
      "a=extmap:3/sendonly "
      "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\na=sendrecv\r\n"},
     {"audio-level", "unknown", "color-space"}},
    {"levels of contributing sources where we send",
     SESSION_HEAD BUNDLE("0 1 2 3") AUDIO("0", CSRC_LEVEL_EXT("2", "/recvonly") "a=recvonly\r\n")
         AUDIO("1", CSRC_LEVEL_EXT("3", "") "a=sendrecv\r\n")
             AUDIO("2", CSRC_LEVEL_EXT("4", "") "a=sendonly\r\n")
                 AUDIO("3", CSRC_LEVEL_EXT("5", "/sendonly") "a=sendrecv\r\n"),
     {CSRC_LEVEL_EXT("2", "/sendonly"), CSRC_LEVEL_EXT("3", "")},
     {"a=extmap:4", "a=extmap:5"}},
    {"two-byte extension ids where the offer allows them, reduced-size RTCP where it is offered",
     SESSION_HEAD BUNDLE("0")
         VIDEO("0", "a=extmap-allow-mixed\r\na=rtcp-rsize\r\n"
                    "a=extmap:16 http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n"),
     {"a=rtcp-mux\r\na=rtcp-rsize\r\na=extmap-allow-mixed\r\n", "a=extmap:16 http"},
     {0}},
    {"RIDs in the offer's order, alternatives and pause marks kept",
     SESSION_HEAD BUNDLE("0")
         VIDEO("0", RID_EXTS SIMULCAST_RIDS "a=simulcast:send h,~q;f\r\na=sendonly\r\n"),
     {"a=recvonly\r\na=rid:h recv\r\na=rid:q recv\r\na=rid:f recv\r\na=simulcast:recv h,~q;f\r\n"},
     {"a=simulcast:send"}},
    {"no more RIDs than encodings",
     SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS SIMULCAST_RIDS
                                    "a=rid:x send\r\na=simulcast:send f;h;q;x\r\na=sendonly\r\n"),
     {"a=simulcast:recv f;h;q\r\n"},
     {"a=rid:x"}},
    {"a RID that is bound to payload types nobody takes is left out",
     SESSION_HEAD BUNDLE("0")
         VIDEO("0", RID_EXTS "a=rid:a send pt=120\r\na=rid:b send "
                             "max-width=640;pt=96,120;max-fps=30\r\na=rid:c send\r\n"
                             "a=simulcast:send a;b;c\r\na=sendonly\r\n"),
     {"a=rid:b recv max-width=640;pt=96;max-fps=30\r\na=rid:c recv\r\na=simulcast:recv b;c\r\n"},
     {"a=rid:a"}},
    {"one RID without simulcast",
     SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS "a=rid:one send\r\na=sendonly\r\n"),
     {"a=rid:one recv\r\n"},
     {"a=simulcast"}},
    {"no RIDs without their header extension",
     SESSION_HEAD BUNDLE("0") VIDEO("0", SIMULCAST_RIDS "a=simulcast:send q;h;f\r\na=sendonly\r\n"),
     {"a=recvonly\r\n"},
     {"a=rid", "a=simulcast"}},
    {"data channels, unknown media, protocols and codecs are rejected in place",
     SESSION_HEAD BUNDLE(
         "d t p c 0") "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n" TRANSPORT
         SECTION("m=text 9 UDP/TLS/RTP/SAVPF 98 99", "t", "")
             SECTION("m=audio 9 RTP/XYZ 0", "p", "")
                 SECTION("m=audio 9 UDP/TLS/RTP/SAVPF 110", "c",
                         "a=rtpmap:110 telephone-event/8000\r\n") AUDIO("0", "a=sendonly\r\n"),
     {"a=group:BUNDLE 0\r\n",
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 "
      "0.0.0.0\r\na=mid:d\r\na=inactive\r\nm=text 0 "
      "UDP/TLS/RTP/SAVPF 98\r\nc=IN IP4 0.0.0.0\r\na=mid:t\r\na=inactive\r\nm=audio 0 RTP/XYZ "
      "0\r\n",
      "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\n", "a=end-of-candidates\r\n"},
     {0}},
    {"port 0 is stopped, port 0 with bundle-only is not",
     SESSION_HEAD BUNDLE("0 1") AUDIO(
         "0", "a=sendonly\r\n") "m=video 0 UDP/TLS/RTP/SAVPF 96 "
                                "97\r\na=mid:1\r\na=bundle-only\r\na=recvonly\r\n" VP8_RTX STOPPED(
                                    "video", "2"),
     {"a=group:BUNDLE 0 1\r\n", "m=video 40000 UDP/TLS/RTP/SAVPF 96 97\r\n",
      "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"},
     {0}},
    {"the tagged section's transport counts, be it rejected or not",
     SESSION_HEAD BUNDLE(
         "d 0") "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n" TRANSPORT
                "m=audio 0 UDP/TLS/RTP/SAVPF "
                "111\r\na=mid:0\r\na=bundle-only\r\na=rtcp-mux\r\n" OPUS,
     {"a=group:BUNDLE 0\r\n", "m=audio 40000"},
     {0}},
    {"sections outside the group would need a transport of their own",
     SESSION_HEAD BUNDLE("0") AUDIO("0", "") VIDEO("1", ""),
     {"a=group:BUNDLE 0\r\n", "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"},
     {0}},
    {"a lone section without mid and group",
     SESSION_HEAD AUDIO_LINE TRANSPORT OPUS "a=sendonly\r\n",
     {"m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=ice-ufrag:",
      "a=end-of-candidates\r\n"},
     {"a=group", "a=mid"}},
    {"unbundled sections of one ICE session share it, strangers are rejected",
     SESSION_HEAD UFRAG PWD FINGERPRINT ACTPASS AUDIO_LINE MUX OPUS VIDEO_LINE MUX VP8_RTX
         VIDEO_LINE "a=ice-ufrag:other\r\n" MUX VP8_RTX VIDEO_LINE VP8_RTX,
     {"m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\n", "m=video 40000 UDP/TLS/RTP/SAVPF 96 97\r\n",
      "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\nm=video 0 "},
     {"a=group"}},
    {"an offerer that is passive is called",
     SESSION_HEAD AUDIO_LINE UFRAG PWD FINGERPRINT MUX OPUS "a=setup:passive\r\n",
     {"a=setup:active\r\n"},
     {0}},
    {"an active offerer, and one that says nothing, calls",
     SESSION_HEAD AUDIO_LINE UFRAG PWD FINGERPRINT MUX OPUS,
     {"a=setup:passive\r\n"},
     {0}},
    {"the protocol is repeated, whichever of them",
     SESSION_HEAD "m=audio 9 RTP/SAVPF 0\r\n" TRANSPORT,
     {"m=audio 40000 RTP/SAVPF 0\r\n"},
     {0}},
};

static void offers_are_answered_by_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct answerer a;
        answerer_init(&a);
        if (answerer_take(&a, answers[i].offer) < 0)
            fail_msg("%s: line %u: %s", answers[i].name, a.why.line, a.why.text);
        for (size_t k = 0; k < MAX_LINES && answers[i].said[k]; k++)
            if (!answerer_said(&a, answers[i].said[k]))
                fail_msg("%s: the answer lacks \"%s\":\n%s", answers[i].name, answers[i].said[k],
                         a.answer.p);
        for (size_t k = 0; k < ARRAY_LEN(answers[i].not_said) && answers[i].not_said[k]; k++)
            if (answerer_said(&a, answers[i].not_said[k]))
                fail_msg("%s: the answer has \"%s\":\n%s", answers[i].name, answers[i].not_said[k],
                         a.answer.p);
        answerer_fini(&a);
    }
}

/* ---- encodings ---- */

static const struct {
    const char *name, *lines; /* of a video section */
    struct negotiated_encoding encoding[MAX_ENCODINGS];
    unsigned count;
} encodings[] = {
    {"nothing said: one, to be learnt", "a=sendonly\r\n", {{"", 0, 0}}, 1},
    {"not for an offerer that does not send",
     "a=recvonly\r\na=ssrc:1 cname:x\r\n",
     {{"", 0, 0}},
     0},
    {"by SSRC", "a=ssrc:1 cname:x\r\na=ssrc:1 msid:a b\r\n", {{"", 1, 0}}, 1},
    {"by SSRC with RTX",
     "a=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\na=ssrc-group:FID 1 2\r\n",
     {{"", 1, 2}},
     1},
    {"the RTX SSRC may come first",
     "a=ssrc-group:FID 1 2\r\na=ssrc:2 cname:x\r\na=ssrc:1 cname:x\r\n",
     {{"", 1, 2}},
     1},
    {"FEC is no encoding",
     "a=ssrc-group:FEC-FR 1 3\r\na=ssrc:3 cname:x\r\na=ssrc:1 cname:x\r\n",
     {{"", 1, 0}},
     1},
    {"a second track in one section is none of it",
     "a=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\n",
     {{"", 1, 0}},
     1},
    {"by SIM group",
     "a=ssrc-group:SIM 3 1 2\r\na=ssrc-group:FID 3 6\r\na=ssrc-group:FID 1 4\r\na=ssrc:1 "
     "cname:x\r\n",
     {{"", 3, 6}, {"", 1, 4}, {"", 2, 0}},
     3},
    {"no more than the limit",
     "a=ssrc-group:SIM 1 2 3 4\r\n",
     {{"", 1, 0}, {"", 2, 0}, {"", 3, 0}},
     3},
    {"RIDs win over SSRCs",
     RID_EXTS "a=rid:lo send\r\na=rid:hi send\r\na=simulcast:send hi;lo\r\na=ssrc:1 "
              "cname:x\r\na=ssrc:2 cname:x\r\n",
     {{"hi", 0, 0}, {"lo", 0, 0}},
     2},
    {"RIDs that the offerer receives are not its encodings",
     RID_EXTS "a=rid:a recv\r\na=simulcast:recv a\r\n",
     {{"", 0, 0}},
     1},
};

static bool has_encodings(const struct transceiver *t, const struct negotiated_encoding *e,
                          unsigned count)
{
    for (unsigned i = 0; i < count && t->encoding_count == count; i++)
        if (strcmp(t->encoding[i].rid, e[i].rid) != 0 || t->encoding[i].ssrc != e[i].ssrc ||
            t->encoding[i].rtx_ssrc != e[i].rtx_ssrc)
            return false;
    return t->encoding_count == count && t->is_simulcast == (count > 1);
}

static void encodings_are_read_from_the_offer(void **state)
{
    char offer[4096];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
        struct answerer a;
        answerer_init(&a);
        snprintf(offer, sizeof offer, "%s%s", SESSION_HEAD BUNDLE("0") VIDEO("0", ""),
                 encodings[i].lines);
        if (answerer_take(&a, offer) < 0)
            fail_msg("%s: line %u: %s", encodings[i].name, a.why.line, a.why.text);
        const struct transceiver *t = &a.result->transceiver[0];
        if (!has_encodings(t, encodings[i].encoding, encodings[i].count))
            fail_msg("%s: %u encodings, first \"%s\" %u %u", encodings[i].name, t->encoding_count,
                     t->encoding[0].rid, t->encoding[0].ssrc, t->encoding[0].rtx_ssrc);
        answerer_fini(&a);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *offer;
    int err;
    unsigned line;
    const char *reason;
} refusals[] = {
    {"v=0\r\nrubbish\r\n", E_MALFORMED, 2, "letter"},
    {SESSION_HEAD, E_UNSUPPORTED, 0, "no m-section: add"},
    {SESSION_HEAD STOPPED("audio", "0"), E_UNSUPPORTED, 5, "no m-section can be accepted"},
    {SESSION_HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 9\r\n" TRANSPORT, E_UNSUPPORTED, 5, "codec"},
    {SESSION_HEAD AUDIO_LINE UFRAG PWD FINGERPRINT ACTPASS OPUS, E_UNSUPPORTED, 5, "rtcp-mux"},
    {SESSION_HEAD BUNDLE("0") AUDIO_LINE "a=mid:0\r\n" UFRAG PWD FINGERPRINT ACTPASS OPUS,
     E_UNSUPPORTED, 6, "rtcp-mux"},
    {SESSION_HEAD AUDIO_LINE PWD FINGERPRINT ACTPASS MUX OPUS, E_MALFORMED, 5, "ice-ufrag"},
    {SESSION_HEAD AUDIO_LINE UFRAG FINGERPRINT ACTPASS MUX OPUS, E_MALFORMED, 5, "ice-pwd"},
    {SESSION_HEAD AUDIO_LINE UFRAG PWD ACTPASS MUX OPUS, E_MALFORMED, 5, "fingerprint"},
    {SESSION_HEAD AUDIO_LINE UFRAG PWD "a=fingerprint:sha-256 AB:CD\r\n" ACTPASS MUX OPUS,
     E_MALFORMED, 9, "fingerprint"},
    {SESSION_HEAD AUDIO_LINE UFRAG PWD "a=fingerprint:md2 AB:CD\r\n" ACTPASS MUX OPUS,
     E_UNSUPPORTED, 9, "hash"},
    {SESSION_HEAD AUDIO_LINE UFRAG PWD FINGERPRINT "a=setup:holdconn\r\n" MUX OPUS, E_UNSUPPORTED,
     5, "holdconn"},
    {SESSION_HEAD "a=ice-lite\r\n" AUDIO_LINE TRANSPORT OPUS, E_UNSUPPORTED, 6, "ice-lite"},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS "a=rid:a send\r\na=simulcast:send a;b\r\n"),
     E_MALFORMED, 20, "\"b\""},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS "a=rid:a recv\r\na=simulcast:send a\r\n"),
     E_MALFORMED, 20, "\"a\""},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS "a=rid:a send\r\na=simulcast:send a;~a\r\n"),
     E_MALFORMED, 20, "twice"},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", RID_EXTS "a=rid:a send\r\na=simulcast:send a;\r\n"),
     E_MALFORMED, 20, "\"\""},
    {SESSION_HEAD BUNDLE("0 1") AUDIO("0", "a=ssrc:7 cname:x\r\n")
         AUDIO("1", "a=ssrc:7 cname:x\r\n"),
     E_MALFORMED, 16, "SSRC 7"},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", "a=ssrc:7 cname:x\r\na=ssrc-group:FID 7 7\r\n"),
     E_MALFORMED, 18, "twice"},
    {SESSION_HEAD BUNDLE("0") VIDEO("0", "a=ssrc-group:SIM 1 2\r\na=ssrc-group:FID 2 1\r\n"),
     E_MALFORMED, 6, "SSRC 1"},
    {SESSION_HEAD BUNDLE("0 1") AUDIO("0", "a=extmap:4 urn:a\r\n")
         VIDEO("1", "a=extmap:4 urn:b\r\n"),
     E_MALFORMED, 27, "id 4"},
    {SESSION_HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" TRANSPORT
                  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:mline0\r\n" TRANSPORT,
     E_MALFORMED, 5, "no mid"},
};

static void offers_that_break_the_rules_are_refused_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct answerer a;
        answerer_init(&a);
        int err = answerer_take(&a, refusals[i].offer);
        if (err != refusals[i].err || a.why.line != refusals[i].line ||
            !strstr(a.why.text, refusals[i].reason))
            fail_msg("row %zu: %s, line %u: %s", i, err_name(err), a.why.line, a.why.text);
        assert_int_equal(a.answer.len, 0);
        answerer_fini(&a);
    }
}

static void format_parameters_end_at_their_limit(void **state)
{
    char offer[2048];
    struct answerer a;

    (void)state;
    for (int more = 0; more < 2; more++) {
        snprintf(offer, sizeof offer, "%sa=fmtp:111 %0*d\r\n",
                 SESSION_HEAD BUNDLE("0") AUDIO("0", ""), MAX_FMTP_LEN - 1 + more, 0);
        answerer_init(&a);
        assert_int_equal(answerer_take(&a, offer), more ? E_LIMIT : 0);
        answerer_fini(&a);
    }
}

static void no_more_codecs_than_the_limit(void **state)
{
    struct strbuf offer;
    struct answerer a;

    (void)state;
    strbuf_init(&offer, 16384);
    strbuf_add(&offer, SESSION_HEAD "m=video 9 UDP/TLS/RTP/SAVPF");
    for (unsigned pt = 60; pt < 100; pt++)
        strbuf_addf(&offer, " %u", pt);
    strbuf_add(&offer, "\r\n" TRANSPORT);
    for (unsigned pt = 60; pt < 100; pt++)
        strbuf_addf(&offer, "a=rtpmap:%u VP8/90000\r\n", pt);
    answerer_init(&a);
    assert_int_equal(answerer_take(&a, offer.p), 0);
    assert_int_equal(a.result->transceiver[0].codec_count, MAX_NEGOTIATED_CODECS);
    answerer_fini(&a);
    strbuf_fini(&offer);
}

/* ---- the result ---- */

static void the_result_tells_transport_and_sections(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    assert_int_equal(
        answerer_take(&a,
                      SESSION_HEAD BUNDLE("0 1") AUDIO("0", "a=sendonly\r\na=msid:cam track\r\n")
                          VIDEO("1", RID_EXTS "a=recvonly\r\na=msid:- x\r\na=rtcp-fb:96 nack\r\n"
                                              "a=rtcp-rsize\r\n") STOPPED("audio", "2")),
        0);
    const struct jsep_result *r = a.result;
    assert_true(r->is_first && !r->is_ice_restart && !r->remote.dtls_active);
    assert_string_equal(r->remote.ice.ufrag, "abcd");
    assert_string_equal(r->remote.ice.pwd, "0123456789abcdefghijkl");
    assert_true(r->remote.fingerprint_count == 1 && r->remote.fingerprint[0].len == 32);
    assert_int_equal(r->remote.fingerprint[0].value[1], 0x23);
    assert_int_equal(strlen(r->local.ufrag), ICE_UFRAG_LEN);
    assert_int_equal(strlen(r->local.pwd), ICE_PWD_LEN);
    assert_true(answerer_said(&a, r->local.ufrag) && answerer_said(&a, r->local.pwd));
    assert_int_equal(r->transceiver_count, 3);

    const struct transceiver *t = r->transceiver;
    assert_true(t[0].recv && !t[0].send && t[0].kind == MEDIA_AUDIO && t[0].reduced_size_rtcp);
    assert_string_equal(t[0].remote_stream_id, "cam");
    assert_true(!t[1].recv && t[1].send && t[1].kind == MEDIA_VIDEO && t[1].mline_index == 1);
    assert_true(t[1].ssrc != 0 && t[1].rtx_ssrc != 0 && t[1].ssrc != t[1].rtx_ssrc);
    assert_string_equal(t[1].mid, "1");
    assert_string_equal(t[1].remote_stream_id, "");
    assert_true(t[1].codec_count == 1 && t[1].codec[0].pt == 96 && t[1].codec[0].rtx_pt == 97);
    assert_true(t[1].codec[0].nack && !t[1].codec[0].pli && !t[1].codec[0].twcc);
    assert_true(t[1].ext.id[RTP_EXT_MID] == 4 && t[1].ext.id[RTP_EXT_RID] == 10 &&
                t[1].ext.id[RTP_EXT_TWCC] == 0);
    assert_true(t[2].rejected && !t[2].recv && !t[2].send && t[2].codec_count == 0);
    assert_string_equal(t[2].mid, "2");
    answerer_fini(&a);
}

static void sections_without_mid_are_named_by_their_place(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    assert_int_equal(answerer_take(&a, SESSION_HEAD AUDIO_LINE TRANSPORT OPUS), 0);
    assert_string_equal(a.result->transceiver[0].mid, "mline0");
    answerer_fini(&a);
}

/* ---- policy ---- */

static int deny(const struct transceiver *t, void *arg)
{
    assert_int_equal(t->encoding_count, t->kind == MEDIA_VIDEO ? 3 : 1);
    (*(int *)arg)++;
    return E_DENIED;
}

static int name_stream(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg)
{
    (void)arg;
    snprintf(msid, MAX_MSID_LEN + 1, "%s", t->kind == MEDIA_AUDIO ? "PA_x y\r\nz\xc3" : "");
    return 0;
}

static void policy_decides_what_is_received_and_how_streams_are_called(void **state)
{
    static const struct jsep_policy policy = {deny, name_stream};
    struct answerer a;
    int asked = 0;

    (void)state;
    answerer_init(&a);
    assert_int_equal(jsep_answer(a.jsep,
                                 STR(SESSION_HEAD BUNDLE("0 1") AUDIO("0", "")
                                         VIDEO("1", RID_EXTS SIMULCAST_RIDS
                                               "a=simulcast:send q;h;f\r\n") STOPPED("video", "2")),
                                 &policy, &asked, &a.answer, &a.result, &a.why),
                     0);
    assert_int_equal(asked, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(!a.result->transceiver[i].recv && a.result->transceiver[i].send);
        assert_true(a.result->transceiver[i].encoding_count == 0 &&
                    !a.result->transceiver[i].is_simulcast);
    }
    assert_true(answerer_said(&a, "a=msid:PA_x-y--z- parley-0\r\n"));
    assert_true(answerer_said(&a, "a=msid:parley parley-1\r\n"));
    assert_false(answerer_said(&a, "a=rid"));
    answerer_fini(&a);
}

static void without_policy_everything_is_received_and_nothing_sent(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    assert_int_equal(
        jsep_answer(a.jsep,
                    STR(SESSION_HEAD BUNDLE("0 1") AUDIO("0", "") VIDEO("1", "a=recvonly\r\n")),
                    NULL, NULL, &a.answer, &a.result, &a.why),
        0);
    assert_true(a.result->transceiver[0].recv && !a.result->transceiver[0].send);
    assert_true(!a.result->transceiver[1].recv && !a.result->transceiver[1].send);
    assert_true(answerer_said(&a, "a=inactive\r\n"));
    answerer_fini(&a);
}

static void the_answer_is_appended_or_the_text_left_as_it_was(void **state)
{
    struct answerer a;
    struct strbuf small;

    (void)state;
    answerer_init(&a);
    strbuf_init(&small, 200);
    strbuf_add(&small, "before");
    assert_int_equal(jsep_answer(a.jsep, STR(SESSION_HEAD BUNDLE("0") AUDIO("0", "")), NULL, NULL,
                                 &small, &a.result, &a.why),
                     E_NO_MEMORY);
    assert_string_equal(small.p, "before");
    strbuf_fini(&small);
    strbuf_add(&a.answer, "before");
    assert_int_equal(jsep_answer(a.jsep, STR(SESSION_HEAD BUNDLE("0") AUDIO("0", "")), NULL, NULL,
                                 &a.answer, &a.result, &a.why),
                     0);
    assert_memory_equal(a.answer.p, "beforev=0\r\n", 11);
    assert_true(a.result->is_first);
    answerer_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(offers_are_answered_by_the_rules),
        LEAK_FREE(encodings_are_read_from_the_offer),
        LEAK_FREE(offers_that_break_the_rules_are_refused_with_their_line),
        LEAK_FREE(format_parameters_end_at_their_limit),
        LEAK_FREE(no_more_codecs_than_the_limit),
        LEAK_FREE(the_result_tells_transport_and_sections),
        LEAK_FREE(sections_without_mid_are_named_by_their_place),
        LEAK_FREE(policy_decides_what_is_received_and_how_streams_are_called),
        LEAK_FREE(without_policy_everything_is_received_and_nothing_sent),
        LEAK_FREE(the_answer_is_appended_or_the_text_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
