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

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { IDS = 65536, MOST_SOCKETS = 16, MOST_BATCH = 64, LONGEST = 4096, RCODES = 16, SEND_BUFFER_BYTES = 65000 };
static const uint64_t LOST_AFTER_NS = 500000000, SWEEP_EVERY_NS = 50000000, DRAIN_NS = 300000000;

typedef struct {
    const uint8_t *wire;
    uint16_t length;
} Query;

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

static struct {
    uint64_t sent, answered, lost, wrong, empty, rcodes[RCODES], bytes, idle_ns, refused_sends;
} count;

static Query *queries;
static size_t query_count, next_query;
static Lane *lanes;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_queries(void) {
    FILE *file = fopen(options.file, "rb");
    if (!file) fail(options.file);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *all = malloc(size + 1);
    if (!all || fread(all, 1, size, file) != size) fail("reading queries");
    fclose(file);
    queries = calloc(size / 14 + 1, sizeof *queries);
    for (size_t at = 0; at + 2 < size;) {
        uint16_t length = (uint16_t)(all[at] << 8 | all[at + 1]);
        if (length < 12 || length > LONGEST || at + 2 + length > size) break;
        queries[query_count++] = (Query){all + at + 2, length};
        at += 2u + length;
    }
    if (!query_count) {
        fprintf(stderr, "generator: no queries in %s\n", options.file);
        exit(2);
    }
}

static void open_lane(Lane *lane) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)options.port)};
    int six = strchr(options.address, ':') != NULL, room = 4 << 20;
    lane->fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (lane->fd < 0) fail("socket");
    if (setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (inet_pton(six ? AF_INET6 : AF_INET, options.address, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
        fprintf(stderr, "generator: not an address: %s\n", options.address);
        exit(2);
    }
    if (connect(lane->fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, six ? sizeof v6 : sizeof v4)) fail("connect");
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
            count.refused_sends++;
        }
    }
}

static void hear(Lane *lane, const uint8_t *answer, size_t length) {
    uint16_t id = length < 12 ? 0 : (uint16_t)(answer[0] << 8 | answer[1]);
    if (length < 12 || !(answer[2] & 0x80) || !lane->sent_at[id]) {
        count.wrong++;
        return;
    }
    lane->sent_at[id] = 0;
    lane->in_flight--;
    count.answered++;
    count.rcodes[answer[3] & 15]++;
    count.empty += !answer[6] && !answer[7];
    count.bytes += length;
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
        double behind = options.rate * (double)(now - started) / 1e9 - (double)(count.sent + count.refused_sends);
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

static void report(uint64_t took_ns, uint64_t answered, double cpu_s) {
    double seconds = (double)took_ns / 1e9;
    printf("{\"seconds\": %.4f, \"qps\": %.1f, \"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, ", seconds,
           (double)answered / seconds, count.sent, count.answered, count.lost, count.wrong);
    printf("\"empty\": %lu, \"bytes\": %lu, \"unsent\": %lu, \"idle\": %.4f, \"cpu\": %.4f, \"rcodes\": [", count.empty,
           count.bytes, count.refused_sends, (double)count.idle_ns / (double)took_ns, cpu_s / seconds);
    for (int i = 0; i < RCODES; i++) printf("%s%lu", i ? ", " : "", count.rcodes[i]);
    printf("]}\n");
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    read_queries();
    lanes = calloc((size_t)options.sockets, sizeof *lanes);
    if (!lanes) fail("memory");
    for (int i = 0; i < options.sockets; i++) open_lane(&lanes[i]);
    double cpu_before = cpu_seconds();
    uint64_t took_ns = run(), answered = count.answered;
    double cpu_s = cpu_seconds() - cpu_before;
    drain();
    report(took_ns, answered, cpu_s);
    return 0;
}
