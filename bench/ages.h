/* What a window has seen: counters, a histogram of ages, and the scan that feeds it. */
#include <stdint.h>
#include <string.h>

enum { SUB_BITS = 7, SUBS = 1 << SUB_BITS };

static struct {
    uint64_t since_ns, last_ns, closed, bytes, messages, deliveries, early, least, most, sum;
    uint64_t buckets[64 * SUBS];
} window;

/* ---- the histogram: 128 steps in each power of two, so at most 0.8 % off ---- */

static unsigned bucket_of(uint64_t value) {
    if (value < SUBS) return (unsigned)value;
    int shift = 63 - __builtin_clzll(value) - SUB_BITS;
    return (unsigned)((shift + 1) << SUB_BITS) + (unsigned)((value >> shift) & (SUBS - 1));
}

static uint64_t middle_of(unsigned bucket) {
    if (bucket < SUBS) return bucket;
    int shift = (int)(bucket >> SUB_BITS) - 1;
    uint64_t low = (uint64_t)(SUBS | (bucket & (SUBS - 1))) << shift;
    return low + ((1ull << shift) >> 1);
}

static double quantile_us(double share) {
    uint64_t wanted = (uint64_t)(share * (double)window.deliveries + 0.999999), seen = 0;
    if (!window.deliveries) return 0;
    if (!wanted) wanted = 1;
    for (unsigned i = 0; i < 64 * SUBS; i++)
        if ((seen += window.buckets[i]) >= wanted) return (double)middle_of(i) / 1e3;
    return (double)window.most / 1e3;
}

static void deliver(uint64_t t, uint64_t now) {
    if (t < window.since_ns) {
        window.early++;
        return;
    }
    uint64_t age = now > t ? now - t : 0;
    window.deliveries++;
    window.last_ns = now;
    window.sum += age;
    if (age > window.most) window.most = age;
    if (age < window.least) window.least = age;
    window.buckets[bucket_of(age)]++;
}

/* ---- markers: "t":123, or \"t\":123 where JSON stands within a text ---- */

/* Answers how many bytes at the end may be the beginning of a marker. */
static size_t scan(const char *from, size_t length, uint64_t now) {
    const char *end = from + length, *at = from;
    while (at < end && (at = memchr(at, 't', (size_t)(end - at)))) {
        const char *next = at + 1;
        if (at == from || at[-1] != '"') {
            at = next;
            continue;
        }
        const char *mark = at - 1;
        at = next;
        if (next < end && *next == '\\') next++;
        if (next == end) return (size_t)(end - mark);
        if (*next++ != '"') continue;
        if (next == end) return (size_t)(end - mark);
        if (*next++ != ':') continue;
        if (next < end && *next == ' ') next++;
        uint64_t t = 0;
        const char *digits = next;
        while (next < end && *next >= '0' && *next <= '9') t = t * 10 + (uint64_t)(*next++ - '0');
        if (next == end) return (size_t)(end - mark);
        if (next > digits) deliver(t, now);
        at = next;
    }
    return length && end[-1] == '"' ? 1 : 0;
}
