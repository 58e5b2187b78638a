/* What both generators have in common: the queries of a file in turn, a connected socket, what is counted, the report. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, RCODES = 16 };
static const uint64_t DRAIN_NS = 300000000;

typedef struct {
    const uint8_t *wire; /* in the file its length in two octets stands before it, as TCP wants it */
    uint16_t length;
} Query;

static Query *queries;
static size_t query_count, next_query;

static struct {
    uint64_t sent, answered, lost, wrong, empty, rcodes[RCODES], bytes, idle_ns;
} count;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_queries(const char *path, size_t longest) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *all = malloc(size + 1);
    if (!all || fread(all, 1, size, file) != size) fail("reading queries");
    fclose(file);
    queries = calloc(size / (2 + HEADER) + 1, sizeof *queries);
    for (size_t at = 0; at + 2 < size;) {
        uint16_t length = (uint16_t)(all[at] << 8 | all[at + 1]);
        if (length < HEADER || length > longest || at + 2 + length > size) break;
        queries[query_count++] = (Query){all + at + 2, length};
        at += 2u + length;
    }
    if (!query_count) {
        fprintf(stderr, "no queries in %s\n", path);
        exit(2);
    }
}

/* Returns a socket of this kind, connected to an address of either family. */
static int connected(const char *address, int port, int kind) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int six = strchr(address, ':') != NULL, fd = socket(six ? AF_INET6 : AF_INET, kind, 0);
    if (fd < 0) fail("socket");
    if (inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
        fprintf(stderr, "not an address: %s\n", address);
        exit(2);
    }
    if (connect(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, six ? sizeof v6 : sizeof v4)) fail("connect");
    return fd;
}

/* Counts an answer that was on the way. */
static void tally(const uint8_t *answer, size_t length) {
    count.answered++;
    count.rcodes[answer[3] & 15]++;
    count.empty += !answer[6] && !answer[7];
    count.bytes += length;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Prints one line of JSON, with one more count that only this generator has. */
static void report(uint64_t took_ns, uint64_t answered, uint64_t idle_ns, double cpu_s, const char *more, uint64_t more_count) {
    double seconds = (double)took_ns / 1e9;
    printf("{\"seconds\": %.4f, \"qps\": %.1f, \"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, ", seconds,
           (double)answered / seconds, count.sent, count.answered, count.lost, count.wrong);
    printf("\"empty\": %lu, \"bytes\": %lu, \"%s\": %lu, \"idle\": %.4f, \"cpu\": %.4f, \"rcodes\": [", count.empty, count.bytes,
           more, more_count, (double)idle_ns / (double)took_ns, cpu_s / seconds);
    for (int i = 0; i < RCODES; i++) printf("%s%lu", i ? ", " : "", count.rcodes[i]);
    printf("]}\n");
}
