/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every bound on memory, counts and loops that a remote can push against, with its unit and reason. */
#pragma once

/* Packets */
/* Ethernet; WebRTC stays below 1280. Longer datagrams are dropped and counted */
#define MAX_DATAGRAM_BYTES 1500
#define PACKET_HEADROOM_BYTES 64 /* a header may grow in front of the data without a copy */
/* SRTP trailer: 16 tag + 4 index (RFC 7714), or 10 tag (RFC 3711) */
#define PACKET_TAILROOM_BYTES 64
/* about 110 MB a worker at worst; past it datagrams are dropped and counted */
#define MAX_PACKETS_PER_POOL 65536
/* kept for new viewers and for repair beyond the least a stream has: half of the pool */
#define MAX_HISTORY_PACKETS_PER_WORKER (MAX_PACKETS_PER_POOL / 2)
#define MAX_RECV_BATCH 64           /* datagrams of one recvmmsg */
#define MAX_RECV_BATCHES_PER_TURN 8 /* so that timers and mailboxes get their turn under a flood */
#define MAX_MESSAGES_PER_TURN 1024  /* of one mailbox, so that sockets and timers get their turn */
/* what waits for room in the kernel's buffer: 30 ms of 1 Gbit/s; past it datagrams are dropped and counted */
#define MAX_UDP_BACKLOG_BYTES (4 * 1024 * 1024)
#define MAX_EGRESS_BATCH 1024 /* messages one loop turn collects before a flush is forced */
/* the same in bytes: written by the cipher and read by the kernel while it is in the cache of one core */
#define MAX_EGRESS_BYTES (512 * 1024)

/* Transports */
#define MAX_TRANSPORTS_PER_WORKER 16384
/* validated 5-tuples kept; the oldest unselected one is forgotten */
#define MAX_PATHS_PER_TRANSPORT 8
/* SSRCs of ours under one key: a slot and its RTX for each section ever */
#define MAX_SEND_STREAMS_PER_TRANSPORT 1024
#define MAX_TCP_CONNS_PER_WORKER 16384
#define MAX_TCP_UNBOUND_CONNS 256 /* accepted, but without an authenticated check yet */
#define TCP_UNBOUND_TIMEOUT_US 5000000ull
#define MAX_TCP_SEND_BUFFER_BYTES (256 * 1024) /* past it whole packets are dropped and counted */
#define MAX_TCP_FRAME_BYTES MAX_DATAGRAM_BYTES
#define ICE_UFRAG_LEN 8            /* RFC 8445 s5.3: at least 24 bits; 48 here */
#define ICE_PWD_LEN 24             /* RFC 8445 s5.3: at least 128 bits; 144 here */
#define MAX_ICE_CREDENTIAL_LEN 256 /* RFC 8839 s5.4 */
#define MAX_CANDIDATE_LINE_LEN 512
#define MAX_CANDIDATES_PER_REQUEST 64
#define DTLS_MTU_BYTES 1200 /* a flight must pass PPPoE, VPNs and IPv6's minimum of 1280 */
#define DTLS_HANDSHAKE_TIMEOUT_US 30000000ull
#define MAX_DTLS_BYTES_BEFORE_OPEN (64 * 1024) /* what one handshake may feed to the TLS library */

/* SDP and sections */
#define MAX_SDP_BYTES (512 * 1024)
#define MAX_SDP_LINES 16384
#define MAX_SDP_LINE_BYTES 4096
#define MAX_SECTIONS 256 /* m-sections of one session, the recycled and rejected ones included */
#define MAX_CODECS_PER_SECTION 64   /* payload types read from an offer section */
#define MAX_NEGOTIATED_CODECS 16    /* payload types answered, RTX not counted */
#define MAX_RTCP_FB_PER_SECTION 512 /* eight a payload type */
#define MAX_EXTS_PER_SECTION 32
#define MAX_NEGOTIATED_EXTS 16
#define MAX_ENCODINGS 3 /* simulcast encodings of a track */
/* steps of quality to choose from: three encodings of four temporal layers each, or three spatial layers of those */
#define MAX_LADDER_LAYERS 12
#define MAX_SSRCS_PER_SECTION 8 /* primary and RTX SSRCs signalled for a section */
/* a=ssrc lines (four attributes an SSRC), a=ssrc-group lines */
#define MAX_SSRC_LINES_PER_SECTION 64
#define MAX_RIDS_PER_SECTION 16 /* a=rid lines, both directions */
/* further ones are ignored: an ICE-lite side learns addresses from checks */
#define MAX_CANDIDATES_PER_SECTION 64
#define MAX_MID_LEN 32
#define MAX_RID_LEN 16
#define MAX_FMTP_LEN 256
#define MAX_MSID_LEN 96
#define MAX_FINGERPRINTS 4

/* RTP */
#define MAX_RTP_EXT_ELEMENTS 16 /* header-extension elements kept of one packet */
/* redundant blocks of one audio packet (RFC 2198); what libwebrtc takes */
#define MAX_RED_BLOCKS 32
#define MAX_RTCP_PACKETS 64 /* packets of one compound */
#define MAX_RTCP_BLOCKS 31  /* RFC 3550: RC is five bits */
#define MAX_NACKED_SEQS 512 /* of one NACK; about half a second of a high-definition stream */
/* consecutive numbers of one SSRC that are asked for again; for more a keyframe costs less */
#define MAX_NACK_GAP 300
#define MAX_NACK_OUTSTANDING 1000 /* of one SSRC; what rtp_recv.h would still take */
#define MAX_FIR_ENTRIES 32
#define MAX_REMB_SSRCS 64
/* packets that one transport-wide feedback may tell of; over a second at 30 Mbit/s */
#define MAX_TWCC_STATUSES 4096
/* a datagram with SRTCP's trailer and a report in front stays below 1200 */
#define MAX_TWCC_FEEDBACK_BYTES 1100
/* kept for feedback; over 50 ms at 100 Mbit/s, half a second at 10 Mbit/s */
#define MAX_TWCC_ARRIVALS 512
/* sent packets remembered until feedback tells of them, a power of two: two seconds at 35 Mbit/s; 64 KiB */
#define MAX_SEND_HISTORY 8192
/* feedback about older packets is not worth anything; past it their room is used again */
#define SEND_HISTORY_US 3000000ull
/* of one transport's pacer; three keyframes of a high-definition stream */
#define MAX_PACED_PACKETS 1024
#define MAX_PACED_BYTES (1024 * 1024)
/* SSRCs a transport may show before unknown ones are dropped */
#define MAX_SSRCS_LEARNT_PER_TRANSPORT 256

/* Rooms */
#define MAX_ROOMS 65536
#define MAX_PARTICIPANTS_PER_ROOM 10000
#define MAX_TRACKS_PER_PARTICIPANT 16
#define MAX_SLOTS_PER_PARTICIPANT 100
/* of one kind a participant; nobody follows more voices, or looks at more who speak */
#define MAX_MOVING_SOURCES 9
#define MAX_RECENT_SPEAKERS 16 /* told to clients; nobody remembers more */
#define MAX_LAST_N MAX_SLOTS_PER_PARTICIPANT
#define MAX_ROOM_NAME_LEN 128
#define MAX_IDENTITY_LEN 128
#define MAX_NAME_LEN 128 /* display names, bytes of UTF-8 */
#define MAX_METADATA_BYTES 4096
#define MAX_TRACK_NAME_LEN 64
#define ID_LEN 16 /* "PA_" + 12 characters; room for the NUL */
#define MAX_CODEC_NAME_LEN 16

/* Audio of the mixer */
/* kept of one input: 320 ms of the shortest Opus frames, 2.5 s of the usual ones */
#define MAX_JITTER_PACKETS 128
#define MAX_JITTER_DELAY_US 1000000ull /* what the setting of the ceiling may be */
#define MAX_AUDIO_FRAME_US \
    120000ull               /* RFC 6716 s3.2.5: the longest Opus packet; others are held to it */
#define MAX_MIX_LOUD 64     /* inputs heard at once; the sums stay far below 2^31 */
#define MAX_MIX_INPUTS 1024 /* of one mix; all are looked at every 20 ms */
#define MAX_AUDIO_PAYLOAD_BYTES 1275 /* RFC 6716 s3.2.1: of an Opus frame; what we encode is one */
#define MAX_CSRCS 15                 /* RFC 3550 s5.1: CC is four bits */

/* API */
#define MAX_JSON_BYTES (768 * 1024)
#define MAX_JSON_DEPTH 32
#define MAX_HTTP_BODY_BYTES (640 * 1024)
/* unsent notifications of one WebSocket; past it the socket is closed */
#define MAX_WS_QUEUE_BYTES (4 * 1024 * 1024)
/* of one WebSocket, with a burst of three times that; past it E_LIMIT */
#define MAX_REQUESTS_PER_SECOND 100
/* of one WebSocket, with a burst of four times that; past it the socket is closed: text costs as much to read as to carry out */
#define MAX_REQUEST_BYTES_PER_SECOND (1024 * 1024)
#define MAX_OFFERS_PER_SECOND 10 /* offers cost the most */
#define MAX_WS_CONNECTIONS 20000
#define MAX_WS_CONNECTIONS_BEFORE_JOIN 1000
#define WS_JOIN_TIMEOUT_US 15000000ull /* a WebSocket that joins nothing is closed */
#define MAX_TOKEN_BYTES 8192

/* WHIP and WHEP */
#define MAX_WISH_SESSIONS (1u << 18) /* as many as participants fit on sixteen workers */
/* sessions that were answered and are not connected yet: a request each costs us one */
#define MAX_WISH_UNCONNECTED 4096
#define WISH_CONNECT_TIMEOUT_US 30000000ull /* a session that does not connect in this time ends */
/* sixty-four candidates of MAX_CANDIDATE_LINE_LEN, and as much again */
#define MAX_SDPFRAG_BYTES (64 * 1024)
/* of one session, with a burst of three times that; past it E_LIMIT */
#define MAX_WISH_PATCHES_PER_SECOND 10
/* STUN and TURN servers named in one answer; what does not fit is left out */
#define MAX_LINK_HEADER_BYTES 4096

/* Mixed video */
/* 4096x2304: an ultra-high-definition screen; a decoder then takes about 60 MB, each picture 14 MB */
#define MAX_PICTURE_PIXELS (4096u * 2304u)
#define MAX_PICTURE_SIDE 8192 /* a picture of one line of that many pixels is no picture */
#define MIN_PICTURE_SIDE 2    /* one chroma sample */
#define MAX_IDLE_PICTURES 32  /* kept for the next ones of their size */
/* packets of one source that wait for missing ones; a second of 10 Mbit/s, or a keyframe of a megabyte */
#define MAX_FRAME_BUFFER_PACKETS 1024
/* as many packets as that, and start codes */
#define MAX_ENCODED_FRAME_BYTES (MAX_FRAME_BUFFER_PACKETS * MAX_DATAGRAM_BYTES)
#define MAX_NAL_UNITS \
    256 /* of one frame that is packetized; H.264 encoders of ours make less than ten */
#define MAX_LAYOUT_TILES 64 /* 8x8: a tile is 160x90 in 1280x720 */
#define MAX_MIX_SOURCES \
    128                /* whose pictures a compositor knows; those that are in no tile included */
#define MAX_LABELS 256 /* rendered texts of one mix; two for each tile, while layouts change */
#define MAX_LABEL_BYTES (16 * 1024 * 1024) /* of them together */

/* A room's mix */
#define MAX_MIXER_THREADS 64
#define MAX_MIXES_PER_MIXER 4096
#define MAX_MIX_MEMBERS \
    1024 /* as many as there may be inputs of sound; all are looked at every 20 ms */
#define MIN_MIX_SIDE 64
#define MAX_MIX_WIDTH 1920
#define MAX_MIX_HEIGHT 1080
#define MAX_MIX_FPS 60
#define MIN_MIX_BPS 100000
#define MIN_MIX_AUDIO_BPS 6000 /* RFC 7587 s6.1, as maxaveragebitrate has it */
#define MAX_MIX_AUDIO_BPS \
    256000 /* past it nobody hears a difference, and 510000 would fill a datagram */
#define MAX_MIX_BPS 20000000
/* of decoders and canvases: of one mix, twenty-five sources in full high definition beside its own; for all mixes of one thread: thirty sources in full high definition, and small ones by the hundred */
#define MAX_MIX_PICTURE_BYTES (384ull * 1024 * 1024)
#define MAX_MIXER_PICTURE_BYTES (512ull * 1024 * 1024)
#define MAX_MIX_LISTED 64 /* identities that a mix names */
