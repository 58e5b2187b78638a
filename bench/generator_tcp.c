/* Asks a DNS server as fast as it answers, by TCP over many pipelined connections: one line of JSON, as generator.c.
 *
 *     generator_tcp -a 127.0.0.1 -p PORT -f QUERIES [-t SECONDS] [-c CONNECTIONS] [-w IN_FLIGHT_OF_EACH]
 *
 * One thread that polls. Each connection always has so many queries on the way (RFC 7766 6.2.1.1), written together once
 * half of them are answered. IDs count up on each connection, and an answer must have one that is on the way there.
 * A connection that the server closes is opened again, and counted (`closed`); what was on the way is `lost`.
 */

#include "asking.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

enum { MOST_IN_FLIGHT = 256, LONGEST = 512, INPUT_BYTES = 131072, EVENTS = 128 };

typedef struct {
    int fd, in_flight, is_waiting_to_write;
    uint16_t next_id;
    uint8_t on_the_way[65536];
    uint8_t input[INPUT_BYTES], output[MOST_IN_FLIGHT * 600];
    size_t input_length, output_length, output_done;
} Connection;

static struct {
    const char *address, *file;
    int port, connections, window;
    double seconds;
} options = {.address = "127.0.0.1", .connections = 100, .window = 10, .seconds = 1.5};

static uint64_t closed;
static Connection *connections;
static int poller, asking = 1;

static void open_connection(Connection *c) {
    int on = 1;
    memset(c->on_the_way, 0, sizeof c->on_the_way);
    c->in_flight = c->is_waiting_to_write = 0;
    c->input_length = c->output_length = c->output_done = 0;
    c->fd = connected(options.address, options.port, SOCK_STREAM);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void reopen(Connection *c) {
    closed++;
    count.lost += (uint64_t)c->in_flight;
    close(c->fd);
    open_connection(c);
}

static void watch_for_writing(Connection *c, int on) {
    if (c->is_waiting_to_write == on) return;
    c->is_waiting_to_write = on;
    struct epoll_event event = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush(Connection *c) {
    while (c->output_done < c->output_length) {
        ssize_t written = write(c->fd, c->output + c->output_done, c->output_length - c->output_done);
        if (written < 0) {
            watch_for_writing(c, errno == EAGAIN);
            return; /* any other error shows when it is read from */
        }
        c->output_done += (size_t)written;
    }
    c->output_done = c->output_length = 0;
    watch_for_writing(c, 0);
}

static void ask(Connection *c) {
    if (!asking || c->output_length || c->in_flight > options.window / 2) return;
    while (c->in_flight < options.window) {
        const Query *query = &queries[next_query];
        if (++next_query == query_count) next_query = 0;
        while (c->on_the_way[c->next_id]) c->next_id++;
        uint16_t id = c->next_id++;
        uint8_t *out = c->output + c->output_length;
        memcpy(out, query->wire - 2, query->length + 2u);
        out[2] = (uint8_t)(id >> 8);
        out[3] = (uint8_t)id;
        c->on_the_way[id] = 1;
        c->output_length += query->length + 2u;
        c->in_flight++;
        count.sent++;
    }
    flush(c);
}

static void hear(Connection *c, const uint8_t *answer, size_t length) {
    uint16_t id = length < HEADER ? 0 : (uint16_t)(answer[0] << 8 | answer[1]);
    if (length < HEADER || !(answer[2] & 0x80) || !c->on_the_way[id]) {
        count.wrong++;
        return;
    }
    c->on_the_way[id] = 0;
    c->in_flight--;
    tally(answer, length);
}

/* Acknowledges at once what the next queries will not: a server that writes each answer by itself, and leaves Nagle's
   algorithm on, would wait 40 ms for it. The kernel takes this back now and then, so it is asked for every time. */
static void acknowledge(const Connection *c) {
    int on = 1;
    if (c->in_flight > options.window / 2) setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static void listen_once(Connection *c) {
    ssize_t received = read(c->fd, c->input + c->input_length, INPUT_BYTES - c->input_length);
    if (received <= 0) {
        if (received == 0 || errno != EAGAIN) reopen(c);
        return;
    }
    c->input_length += (size_t)received;
    size_t at = 0;
    while (at + 2 <= c->input_length) {
        size_t length = (size_t)(c->input[at] << 8 | c->input[at + 1]);
        if (at + 2 + length > c->input_length) break;
        hear(c, c->input + at + 2, length);
        at += 2 + length;
    }
    memmove(c->input, c->input + at, c->input_length - at);
    c->input_length -= at;
    acknowledge(c);
}

static uint64_t run_until(uint64_t ends) {
    struct epoll_event events[EVENTS];
    uint64_t started = now_ns(), now = started;
    while (now < ends && (asking || count.answered + count.lost < count.sent)) {
        int ready = epoll_wait(poller, events, EVENTS, 0);
        for (int i = 0; i < ready; i++) {
            Connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) flush(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) listen_once(c);
            ask(c);
        }
        uint64_t after = now_ns();
        if (ready <= 0) count.idle_ns += after - now;
        now = after;
    }
    return now - started;
}

static void read_options(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "a:p:f:t:c:w:")) != -1) {
        switch (option) {
            case 'a': options.address = optarg; break;
            case 'p': options.port = atoi(optarg); break;
            case 'f': options.file = optarg; break;
            case 't': options.seconds = atof(optarg); break;
            case 'c': options.connections = atoi(optarg); break;
            case 'w': options.window = atoi(optarg); break;
            default: exit(2);
        }
    }
    if (!options.file || !options.port || options.connections < 1 || options.window < 1 || options.window > MOST_IN_FLIGHT) {
        fprintf(stderr, "usage: generator_tcp -a ADDRESS -p PORT -f QUERIES [-t S] [-c N] [-w N]\n");
        exit(2);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    read_queries(options.file, LONGEST);
    poller = epoll_create1(0);
    connections = calloc((size_t)options.connections, sizeof *connections);
    if (poller < 0 || !connections) fail("memory");
    for (int i = 0; i < options.connections; i++) open_connection(&connections[i]);
    double cpu_before = cpu_seconds();
    for (int i = 0; i < options.connections; i++) ask(&connections[i]);
    uint64_t took_ns = run_until(now_ns() + (uint64_t)(options.seconds * 1e9)), answered = count.answered, idle_ns = count.idle_ns;
    double cpu_s = cpu_seconds() - cpu_before;
    asking = 0;
    run_until(now_ns() + DRAIN_NS);
    count.lost += count.sent - count.answered - count.lost;
    report(took_ns, answered, idle_ns, cpu_s, "closed", closed);
    return 0;
}
