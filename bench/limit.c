/* The limit: the least a server can do for a broadcast, one write(2) of a ready frame to each.
 *
 *   limit PORT [MOST_CONNECTIONS]
 *
 * GET with an upgrade is answered 101 and is a subscriber; GET without is 200; POST /publish/…
 * sends its body to every subscriber as one text frame. No channels, no state, no queues: a write
 * that does not fit is lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_BODY = 1 << 20 };

struct conn {
    char *data;         /* a request that is not complete yet */
    size_t length;
    int place;          /* among the subscribers, or -1 */
};

static struct conn *conns; /* by file descriptor */
static int *subscribers, subscriber_count, most = 65536;
static char scratch[65536], frame[MOST_BODY + 10];

/* ---- SHA-1 of a short text, and base64 of the digest, for Sec-WebSocket-Accept ---- */

static uint32_t turn(uint32_t x, int by) { return x << by | x >> (32 - by); }

static void sha1_block(uint32_t h[5], const uint8_t *block) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t next = turn(a, 5) + f + e + k + w[i];
        e = d, d = c, c = turn(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

static void sha1(const char *text, size_t length, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t padded[192] = {0};
    size_t whole = (length + 8) / 64 * 64 + 64;
    memcpy(padded, text, length);
    padded[length] = 0x80;
    for (int i = 0; i < 8; i++) padded[whole - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);
    for (size_t at = 0; at < whole; at += 64) sha1_block(h, padded + at);
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *data, char out[29]) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0, o = 0; i < 21; i += 3) {
        uint32_t three = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 |
                         (i + 2 < 20 ? data[i + 2] : 0);
        for (int part = 3; part >= 0; part--) out[o++] = letters[three >> 6 * part & 63];
    }
    out[27] = '=';
    out[28] = 0;
}

/* ---- connections ---- */

static void drop(int fd) {
    struct conn *c = &conns[fd];
    if (c->place >= 0) {
        int last = subscribers[--subscriber_count];
        subscribers[c->place] = last;
        conns[last].place = c->place;
    }
    free(c->data);
    *c = (struct conn){.place = -1};
    close(fd);
}

static void answer(int fd, const char *text) {
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) return; /* seen as a close later */
}

static void publish(const char *body, size_t length) {
    size_t head = length < 126 ? 2 : length < 65536 ? 4 : 10;
    frame[0] = (char)0x81;
    frame[1] = (char)(head == 2 ? length : head == 4 ? 126 : 127);
    for (size_t i = 2; i < head; i++) frame[i] = (char)((uint64_t)length >> 8 * (head - 1 - i));
    memcpy(frame + head, body, length);
    for (int i = 0; i < subscriber_count; i++)
        if (send(subscribers[i], frame, head + length, MSG_NOSIGNAL) < 0) continue;
}

static void upgrade(int fd, const char *key) {
    char text[128], accept[29], reply[256];
    uint8_t digest[21] = {0};
    size_t length = strcspn(key, "\r\n");
    if (length > 60) length = 60;
    snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)length, key);
    sha1(text, strlen(text), digest);
    base64(digest, accept);
    snprintf(reply, sizeof reply,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    answer(fd, reply);
    conns[fd].place = subscriber_count;
    subscribers[subscriber_count++] = fd;
}

/* Handles one request at the front of what was read; answers its length, 0 if incomplete. */
static size_t handle(int fd, char *data, size_t length) {
    char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    end[2] = 0;
    size_t head = (size_t)(end - data) + 4, body = 0;
    char *size = strcasestr(data, "\r\nContent-Length:");
    char *key = strcasestr(data, "\r\nSec-WebSocket-Key: ");
    if (size) body = strtoul(size + 17, NULL, 10);
    end[2] = '\r';
    if (body > MOST_BODY) return drop(fd), 0;
    if (length < head + body) return 0;
    if (key) return upgrade(fd, key + 21), head;
    if (!strncmp(data, "POST /publish/", 14)) publish(data + head, body);
    answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    return head + body;
}

static void on_read(int fd) {
    struct conn *c = &conns[fd];
    ssize_t got = recv(fd, scratch, sizeof scratch, 0);
    if (got <= 0) {
        drop(fd);
        return;
    }
    if (c->place >= 0) return; /* what subscribers say is read and forgotten */
    c->data = realloc(c->data, c->length + (size_t)got + 1);
    memcpy(c->data + c->length, scratch, (size_t)got);
    c->length += (size_t)got;
    c->data[c->length] = 0;
    size_t used = 0, step;
    while (c->place < 0 && used < c->length &&
           (step = handle(fd, c->data + used, c->length - used)))
        used += step;
    if (!c->data) return; /* dropped meanwhile */
    c->length -= used;
    memmove(c->data, c->data + used, c->length);
    if (!c->length || c->place >= 0) free(c->data), c->data = NULL, c->length = 0;
}

static void on_accept(int epoll_fd, int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= most) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        conns[fd] = (struct conn){.place = -1};
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    if (argc > 2) most = atoi(argv[2]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    conns = calloc((size_t)most, sizeof *conns);
    subscribers = calloc((size_t)most, sizeof *subscribers);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) {
        perror("limit");
        return 1;
    }
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[512], first = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &first);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) on_accept(epoll_fd, listener);
            else on_read(events[i].data.fd);
        }
    }
}
