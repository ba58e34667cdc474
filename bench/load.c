/* The load: many subscribers on one thread, with a histogram of how old each delivery is.
 *
 *   load --port P --connections N --requests FILE [--hello TEXT] [--rate N] [--inflight N]
 *        [--stall K] [--full BYTES] [--patience SECONDS] [--life SECONDS]
 *
 * FILE has one line a connection, "ws /path" or "sse /path", taken in turn and again from the top.
 * A publisher puts "t":<CLOCK_MONOTONIC in ns> into what it publishes; each one that is read is one
 * delivery, if it is not older than the window. On stdin: mark, report, quit; each is answered by
 * one line of JSON. "ready" is said when every connection stands or has failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ages.h"

enum { BUFFER = 1 << 20, CARRY = 48, PER_ADDRESS = 10000 };
enum state { NEW, CONNECTING, SHAKING, OPEN, GONE };
enum { STDIN_MARK = -1 };

struct conn {
    uint64_t bytes;       /* after the head of the answer */
    uint64_t left;        /* payload still to come of the current frame */
    int fd;
    uint8_t state, is_ws, is_stuck, crlf, is_full;
    uint8_t head_len;     /* what is known of a frame's head, or of the status line */
    uint8_t small_len, opcode, is_small;
    uint8_t carry_len;
    char head[16];
    char small[126];      /* a control frame, which has to be answered */
    char carry[CARRY];    /* a marker that was cut by the end of a read */
};

static struct {
    int port, count, rate, inflight, stuck, patience, life;
    uint64_t full;
    const char *hello, *requests;
} opt = {.rate = 4000, .inflight = 64, .patience = 60, .life = 600};

static struct conn *conns;
static char **lines;
static int line_count, epoll_fd, started, pending, connected, failed;
static uint64_t born_ns, first_bytes, first_ns, full_count, full_ns;
static char raw[CARRY + BUFFER];

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

/* ---- one connection ---- */

static void watch(struct conn *c, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(c - conns)};
    epoll_ctl(epoll_fd, how, c->fd, &event);
}

static void drop(struct conn *c) {
    if (c->state == CONNECTING || c->state == SHAKING) failed++, pending--;
    else if (c->state == OPEN) window.closed++;
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->state = GONE;
}

static void send_frame(struct conn *c, int opcode, const char *data, size_t length) {
    char frame[6 + 125] = {(char)(0x80 | opcode), (char)(0x80 | length), 0, 0, 0, 0};
    memcpy(frame + 6, data, length); /* masked with zero */
    if (send(c->fd, frame, 6 + length, MSG_NOSIGNAL) < 0 && errno != EAGAIN) drop(c);
}

static void answer_small(struct conn *c) {
    if (c->opcode == 9) send_frame(c, 10, c->small, c->small_len);
    else if (c->opcode == 8) send_frame(c, 8, c->small, c->small_len < 2 ? 0 : 2);
    else if (c->opcode == 1 && c->small[0] == '2') send_frame(c, 1, "3", 1); /* Engine.IO's ping */
}

/* Reads a frame's head, which may come in pieces; answers how much of the data it took. */
static size_t read_head(struct conn *c, const char *data, size_t length) {
    size_t taken = 0, wanted = 2;
    for (;;) {
        if (c->head_len >= 2) {
            int kind = c->head[1] & 127;
            wanted = kind == 126 ? 4 : kind == 127 ? 10 : 2;
        }
        if (c->head_len >= wanted && c->head_len >= 2) break;
        if (taken == length) return taken;
        c->head[c->head_len++] = data[taken++];
    }
    uint64_t size = (uint8_t)c->head[1] & 127;
    if (wanted > 2) {
        size = 0;
        for (size_t i = 2; i < wanted; i++) size = size << 8 | (uint8_t)c->head[i];
    }
    c->opcode = (uint8_t)c->head[0] & 15;
    if (c->opcode < 8 && c->head[0] & 0x80) window.messages++;
    c->is_small = size < 126 && (c->opcode >= 8 || (opt.hello && c->opcode == 1 && size == 1));
    c->small_len = 0;
    c->left = size;
    c->head_len = 0;
    if (c->is_small && !size) answer_small(c);
    return taken;
}

static void walk_frames(struct conn *c, const char *data, size_t length) {
    while (length && c->state == OPEN) {
        size_t step;
        if (!c->left) {
            step = read_head(c, data, length);
        } else {
            step = c->left < length ? (size_t)c->left : length;
            if (c->is_small) {
                memcpy(c->small + c->small_len, data, step);
                c->small_len = (uint8_t)(c->small_len + step);
            }
            c->left -= step;
            if (!c->left && c->is_small) answer_small(c);
        }
        data += step;
        length -= step;
    }
}

static void take_payload(struct conn *c, char *data, size_t length, uint64_t now) {
    if (!length) return;
    if (!c->bytes) first_bytes++, first_ns = now;
    c->bytes += length;
    window.bytes += length;
    if (opt.full && !c->is_full && c->bytes >= opt.full) c->is_full = 1, full_count++, full_ns = now;
    size_t carried = c->carry_len; /* room for it is kept in front of every read */
    memcpy(data - carried, c->carry, carried);
    size_t rest = scan(data - carried, length + carried, now);
    if (rest > CARRY) rest = 0;
    c->carry_len = (uint8_t)rest;
    memcpy(c->carry, data + length - rest, rest);
    if (c->is_ws) walk_frames(c, data, length);
}

/* The head of the answer is over: the connection stands, or was refused. */
static void opened(struct conn *c) {
    const char *wanted = c->is_ws ? "101" : "200";
    if (memcmp(c->head + 9, wanted, 3)) {
        drop(c);
        return;
    }
    c->state = OPEN;
    c->head_len = 0;
    connected++;
    pending--;
    if (opt.hello && c->is_ws) send_frame(c, 1, opt.hello, strlen(opt.hello));
    if (c->is_stuck && c->fd >= 0) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

static size_t take_head(struct conn *c, const char *data, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (c->head_len < 12) c->head[c->head_len++] = data[i];
        char expected = c->crlf & 1 ? '\n' : '\r';
        c->crlf = data[i] == expected ? (uint8_t)(c->crlf + 1) : data[i] == '\r' ? 1 : 0;
        if (c->crlf == 4) {
            opened(c);
            return i + 1;
        }
    }
    return length;
}

static void on_read(struct conn *c) {
    char *data = raw + CARRY;
    ssize_t length = recv(c->fd, data, BUFFER, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        drop(c);
        return;
    }
    uint64_t now = now_ns();
    size_t used = c->state == SHAKING ? take_head(c, data, (size_t)length) : 0;
    if (c->state != OPEN) return;
    /* what is carried must not overwrite: after a head nothing is */
    take_payload(c, data + used, (size_t)length - used, now);
}

static void on_connected(struct conn *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        drop(c);
        return;
    }
    static char request[65536];
    const char *path = strchr(lines[(c - conns) % line_count], ' ') + 1;
    int length = snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", path, opt.port,
        c->is_ws ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: c3RyZWFtLWJlbmNoLWFhYQ==\r\n"
                 : "Accept: text/event-stream\r\n");
    if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        drop(c);
        return;
    }
    c->state = SHAKING;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void start(struct conn *c) {
    int number = (int)(c - conns), yes = 1, small = 4096;
    c->is_ws = lines[number % line_count][0] == 'w';
    c->is_stuck = number >= opt.count - opt.stuck;
    c->state = CONNECTING;
    pending++;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        drop(c);
        return;
    }
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_ADDRESS));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)opt.port);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (c->is_stuck) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
        drop(c);
        return;
    }
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

/* ---- what is said to the harness ---- */

static void say(const char *event) {
    double mean = window.deliveries ? (double)window.sum / (double)window.deliveries / 1e3 : 0;
    printf("{\"event\":\"%s\",\"connected\":%d,\"failed\":%d,\"closed\":%llu,\"bytes\":%llu,"
           "\"messages\":%llu,\"deliveries\":%llu,\"early\":%llu,", event, connected, failed,
           (unsigned long long)window.closed, (unsigned long long)window.bytes,
           (unsigned long long)window.messages, (unsigned long long)window.deliveries,
           (unsigned long long)window.early);
    printf("\"min_us\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
           "\"max_us\":%.1f,", window.deliveries ? (double)window.least / 1e3 : 0, mean,
           quantile_us(0.5), quantile_us(0.9), quantile_us(0.99), (double)window.most / 1e3);
    printf("\"first\":%llu,\"first_ms\":%.1f,\"full\":%llu,\"full_ms\":%.1f,"
           "\"last_ns\":%llu,\"now_ns\":%llu}\n",
           (unsigned long long)first_bytes, first_bytes ? (double)(first_ns - born_ns) / 1e6 : 0,
           (unsigned long long)full_count, full_count ? (double)(full_ns - born_ns) / 1e6 : 0,
           (unsigned long long)window.last_ns, (unsigned long long)now_ns());
    fflush(stdout);
}

static void mark(void) {
    memset(&window, 0, sizeof window);
    window.least = UINT64_MAX;
    window.since_ns = now_ns();
}

static bool obey(void) {
    static char text[256];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, text + length, sizeof text - length - 1);
    if (got <= 0) return false;
    length += (size_t)got;
    text[length] = 0;
    char *at = text, *end;
    while ((end = strchr(at, '\n'))) {
        *end = 0;
        if (!strcmp(at, "quit")) return false;
        if (!strcmp(at, "mark")) mark();
        say(strcmp(at, "mark") ? "report" : "mark");
        at = end + 1;
    }
    length = strlen(at);
    memmove(text, at, length + 1);
    return true;
}

/* ---- the run ---- */

static void start_some(void) {
    double age_s = (double)(now_ns() - born_ns) / 1e9;
    while (started < opt.count && pending < opt.inflight && started <= age_s * opt.rate)
        start(&conns[started++]);
    if (age_s > opt.patience)
        for (int i = 0; i < opt.count; i++) {
            if (conns[i].state == NEW) conns[i].state = GONE, failed++;
            if (conns[i].state < OPEN) drop(&conns[i]);
            started = opt.count;
        }
}

static void run(void) {
    static struct epoll_event events[1024];
    struct epoll_event commands = {.events = EPOLLIN, .data.u64 = (uint64_t)STDIN_MARK};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
    bool is_ready = false;
    for (;;) {
        if (!is_ready) {
            start_some();
            if (started == opt.count && !pending) is_ready = true, say("ready");
        }
        int count = epoll_wait(epoll_fd, events, 1024, is_ready ? -1 : 1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == (uint64_t)STDIN_MARK) {
                if (!obey()) return;
                continue;
            }
            struct conn *c = &conns[events[i].data.u64];
            if (c->state == CONNECTING) on_connected(c);
            else if (c->state == SHAKING || c->state == OPEN) on_read(c);
        }
    }
}

static void read_requests(void) {
    FILE *file = fopen(opt.requests, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (!file) perror(opt.requests), exit(2);
    while ((length = getline(&line, &room, file)) > 0) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strchr(line, ' ')) continue;
        lines = realloc(lines, sizeof *lines * (size_t)(line_count + 1));
        lines[line_count++] = strdup(line);
    }
    fclose(file);
    if (!line_count) fprintf(stderr, "%s: no request\n", opt.requests), exit(2);
}

int main(int argc, char **argv) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'},     {"connections", 1, 0, 'n'}, {"requests", 1, 0, 'r'},
        {"hello", 1, 0, 'h'},    {"rate", 1, 0, 'R'},        {"inflight", 1, 0, 'i'},
        {"stall", 1, 0, 's'},    {"full", 1, 0, 'f'},        {"patience", 1, 0, 'w'},
        {"life", 1, 0, 'l'},     {0}};
    int found;
    while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (found == 'p') opt.port = atoi(optarg);
        else if (found == 'n') opt.count = atoi(optarg);
        else if (found == 'r') opt.requests = optarg;
        else if (found == 'h') opt.hello = optarg;
        else if (found == 'R') opt.rate = atoi(optarg);
        else if (found == 'i') opt.inflight = atoi(optarg);
        else if (found == 's') opt.stuck = atoi(optarg);
        else if (found == 'f') opt.full = strtoull(optarg, NULL, 10);
        else if (found == 'w') opt.patience = atoi(optarg);
        else if (found == 'l') opt.life = atoi(optarg);
        else return 2;
    }
    if (opt.port <= 0 || opt.count <= 0 || !opt.requests) return 2;
    if (opt.hello && strlen(opt.hello) > 125) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no load outlives the harness */
    alarm((unsigned)opt.life);
    read_requests();
    conns = calloc((size_t)opt.count, sizeof *conns);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || epoll_fd < 0) return 2;
    mark();
    born_ns = now_ns();
    run();
    return 0;
}
