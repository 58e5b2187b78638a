/* The floor that the kernel sets: a UDP server that does nothing but receive and send.
 *
 *     echo PORT
 *
 * One process for 127.0.0.1 and one for ::1, each with one thread and one socket, recvmmsg and sendmmsg in batches.
 * What comes in goes out again with the QR bit set; no server that answers in the same way can be faster than this.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, LONGEST = 4096 };

static char buffers[BATCH][LONGEST];
static struct sockaddr_storage clients[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static int bound_socket(int port, int six) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    int failed = fd < 0 || (six ? bind(fd, (struct sockaddr *)&v6, sizeof v6) : bind(fd, (struct sockaddr *)&v4, sizeof v4));
    if (failed) {
        perror("echo: bind");
        exit(1);
    }
    return fd;
}

static void prepare(int from, int to) {
    for (int i = from; i < to; i++) {
        vectors[i] = (struct iovec){buffers[i], LONGEST};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &clients[i], .msg_namelen = sizeof clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    int is_second = fork() == 0;
    if (is_second) prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = bound_socket(atoi(argv[1]), is_second);
    prepare(0, BATCH);
    for (;;) {
        int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (received < 0) {
            if (errno == EINTR) continue;
            perror("echo: recvmmsg");
            return 1;
        }
        for (int i = 0; i < received; i++) {
            vectors[i].iov_len = messages[i].msg_len;
            if (messages[i].msg_len > 2) buffers[i][2] |= (char)0x80;
        }
        for (int sent = 0; sent < received;) {
            int more = sendmmsg(fd, messages + sent, received - sent, 0);
            sent += more > 0 ? more : 1; /* what cannot be sent is dropped, as a DNS server would */
        }
        prepare(0, received);
    }
}
