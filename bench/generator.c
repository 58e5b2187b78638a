/* Asks a DNS server as fast as it answers, by UDP, and says how fast that was: one line of JSON.
 *
 *     generator -a 127.0.0.1 -p PORT -f QUERIES [-t SECONDS] [-w IN_FLIGHT] [-r QUERIES_A_SECOND] [-b BATCH] [-s SOCKETS] [-o]
 *
 * QUERIES is a file of ready-made messages, each after its length in two octets, asked in turn. With -w, so many are
 * always on the way (closed loop: the server decides the rate); with -r, they are sent by the clock (open loop).
 *
 * One thread that never sleeps: it polls, so the server pays for no wake-ups, and `idle` is the share of the time
 * in which it found nothing to do. While that is well above 0, the server is what limits the rate. A batch of queries of
 * one length goes out in one call (UDP_SEGMENT); the kernel cuts it up before it queues it, so the server sees single
 * datagrams. -o sends them one by one (sendmmsg).
 *
 * Every answer must have the QR bit and an ID that is on the way; `wrong` counts the others. `lost` are those not
 * answered within LOST_AFTER_NS, or by the end.
 */

#include "asking.h"

#include <linux/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { IDS = 65536, MOST_SOCKETS = 16, MOST_BATCH = 64, LONGEST = 4096, SEND_BUFFER_BYTES = 65000 };
static const uint64_t LOST_AFTER_NS = 500000000, SWEEP_EVERY_NS = 50000000;

/* One socket, and what is on the way through it: its IDs are its own. */
typedef struct {
    int fd;
    uint64_t sent_at[IDS]; /* 0: this ID is not on the way */
    uint16_t next_id;
    int in_flight;
} Lane;

static struct {
    const char *address, *file;
    int port, window, batch, sockets, one_by_one;
    double seconds, rate;
} options = {.address = "127.0.0.1", .window = 192, .batch = 32, .sockets = 1, .seconds = 1.5};

static uint64_t refused_sends;
static Lane *lanes;

static void open_lane(Lane *lane) {
    int room = 4 << 20;
    lane->fd = connected(options.address, options.port, SOCK_DGRAM | SOCK_NONBLOCK);
    if (setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

static uint16_t free_id(Lane *lane) {
    while (lane->sent_at[lane->next_id]) lane->next_id++;
    return lane->next_id++;
}

/* Sends up to `wanted` queries in one call; runs of one length share a message. */
static void ask(Lane *lane, int wanted, uint64_t now) {
    static uint8_t buffer[MOST_BATCH * LONGEST];
    static struct mmsghdr messages[MOST_BATCH];
    static struct iovec vectors[MOST_BATCH];
    static union {
        char room[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } controls[MOST_BATCH];
    int runs = 0, run_of[MOST_BATCH];
    uint16_t ids[MOST_BATCH], run_length = 0;
    size_t at = 0;
    for (int i = 0; i < wanted; i++) {
        const Query *query = &queries[next_query];
        if (++next_query == query_count) next_query = 0;
        uint16_t id = ids[i] = free_id(lane);
        lane->sent_at[id] = now;
        memcpy(buffer + at, query->wire, query->length);
        buffer[at] = (uint8_t)(id >> 8);
        buffer[at + 1] = (uint8_t)id;
        if (runs && query->length == run_length && !options.one_by_one &&
            vectors[runs - 1].iov_len + query->length < SEND_BUFFER_BYTES) {
            vectors[runs - 1].iov_len += query->length;
        } else {
            run_length = query->length;
            vectors[runs] = (struct iovec){buffer + at, query->length};
            struct msghdr *header = &messages[runs].msg_hdr;
            *header = (struct msghdr){.msg_iov = &vectors[runs], .msg_iovlen = 1};
            if (!options.one_by_one) {
                header->msg_control = &controls[runs];
                header->msg_controllen = sizeof controls[runs];
                struct cmsghdr *control = CMSG_FIRSTHDR(header);
                control->cmsg_level = IPPROTO_UDP;
                control->cmsg_type = UDP_SEGMENT;
                control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
                memcpy(CMSG_DATA(control), &run_length, sizeof run_length);
            }
            runs++;
        }
        run_of[i] = runs - 1;
        at += query->length;
    }
    int done = sendmmsg(lane->fd, messages, (unsigned)runs, 0);
    if (done < 0) done = 0;
    for (int i = 0; i < wanted; i++) {
        if (run_of[i] < done) {
            lane->in_flight++;
            count.sent++;
        } else {
            lane->sent_at[ids[i]] = 0;
            refused_sends++;
        }
    }
}

static void hear(Lane *lane, const uint8_t *answer, size_t length) {
    uint16_t id = length < HEADER ? 0 : (uint16_t)(answer[0] << 8 | answer[1]);
    if (length < HEADER || !(answer[2] & 0x80) || !lane->sent_at[id]) {
        count.wrong++;
        return;
    }
    lane->sent_at[id] = 0;
    lane->in_flight--;
    tally(answer, length);
}

/* Takes the answers that are there; returns how many. */
static int listen_once(Lane *lane) {
    static uint8_t buffers[MOST_BATCH][LONGEST];
    static struct mmsghdr messages[MOST_BATCH];
    static struct iovec vectors[MOST_BATCH];
    if (!vectors[0].iov_base) {
        for (int i = 0; i < MOST_BATCH; i++) {
            vectors[i] = (struct iovec){buffers[i], LONGEST};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        }
    }
    int received = recvmmsg(lane->fd, messages, MOST_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < received; i++) hear(lane, buffers[i], messages[i].msg_len);
    return received > 0 ? received : 0;
}

static void give_up(Lane *lane, uint64_t sent_before) {
    for (int id = 0; id < IDS; id++) {
        if (lane->sent_at[id] && lane->sent_at[id] < sent_before) {
            lane->sent_at[id] = 0;
            lane->in_flight--;
            count.lost++;
        }
    }
}

/* Returns how many queries are due now. */
static int due(const Lane *lane, uint64_t started, uint64_t now) {
    if (options.rate > 0) {
        double behind = options.rate * (double)(now - started) / 1e9 - (double)(count.sent + refused_sends);
        if (lane->in_flight > IDS / 2) return 0;
        return behind > options.batch ? options.batch : (int)behind;
    }
    int room = options.window / options.sockets - lane->in_flight;
    /* waits for room for half a batch: calls for one query each would cost the generator more than the server */
    if (room < options.batch / 2 && lane->in_flight) return 0;
    return room > options.batch ? options.batch : room;
}

static uint64_t run(void) {
    uint64_t started = now_ns(), ends = started + (uint64_t)(options.seconds * 1e9), swept = started, now = started;
    while (now < ends) {
        int busy = 0;
        for (int i = 0; i < options.sockets; i++) {
            int wanted = due(&lanes[i], started, now);
            if (wanted > 0) ask(&lanes[i], wanted, now);
            busy |= wanted > 0;
            busy |= listen_once(&lanes[i]) > 0;
        }
        uint64_t after = now_ns();
        if (!busy) count.idle_ns += after - now;
        now = after;
        if (now - swept > SWEEP_EVERY_NS) {
            for (int i = 0; i < options.sockets; i++) give_up(&lanes[i], now - LOST_AFTER_NS);
            swept = now;
        }
    }
    return now - started;
}

static void drain(void) {
    uint64_t ends = now_ns() + DRAIN_NS;
    for (int left = 1; left && now_ns() < ends;) {
        left = 0;
        for (int i = 0; i < options.sockets; i++) {
            listen_once(&lanes[i]);
            left |= lanes[i].in_flight;
        }
    }
    for (int i = 0; i < options.sockets; i++) give_up(&lanes[i], UINT64_MAX);
}

static void read_options(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "a:p:f:t:w:r:b:s:o")) != -1) {
        switch (option) {
            case 'a': options.address = optarg; break;
            case 'p': options.port = atoi(optarg); break;
            case 'f': options.file = optarg; break;
            case 't': options.seconds = atof(optarg); break;
            case 'w': options.window = atoi(optarg); break;
            case 'r': options.rate = atof(optarg); break;
            case 'b': options.batch = atoi(optarg); break;
            case 's': options.sockets = atoi(optarg); break;
            case 'o': options.one_by_one = 1; break;
            default: exit(2);
        }
    }
    if (!options.file || !options.port || options.batch < 1 || options.batch > MOST_BATCH || options.sockets < 1 ||
        options.sockets > MOST_SOCKETS || options.window < options.sockets || options.window > IDS / 2) {
        fprintf(stderr, "usage: generator -a ADDRESS -p PORT -f QUERIES [-t S] [-w N] [-r QPS] [-b N] [-s N] [-o]\n");
        exit(2);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    read_queries(options.file, LONGEST);
    lanes = calloc((size_t)options.sockets, sizeof *lanes);
    if (!lanes) fail("memory");
    for (int i = 0; i < options.sockets; i++) open_lane(&lanes[i]);
    double cpu_before = cpu_seconds();
    uint64_t took_ns = run(), answered = count.answered;
    double cpu_s = cpu_seconds() - cpu_before;
    drain();
    report(took_ns, answered, count.idle_ns, cpu_s, "unsent", refused_sends);
    return 0;
}
