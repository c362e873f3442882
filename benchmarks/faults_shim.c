/* Faults for benchmarks/faults.py, by LD_PRELOAD: from the n-th change of a file below a folder on, every one fails
   (ENOSPC, EROFS, EIO), or the process is killed at it, half of what it wanted to write written. Reads below another
   folder can fail too. Which file a descriptor is of is asked of /proc, so that all ways to open one count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[PATH_MAX];
static int reading, reason, armed; /* reason: an errno, or -SIGKILL */
static long events, first;

void fault_arm(const char *folder, int of_reads, long from, int why) {
    snprintf(below, sizeof below, "%s", folder);
    reading = of_reads, first = from, reason = why, events = 0, armed = 1;
}
long fault_events(void) { return events; }

#define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int inside(const char *path) { return armed && !strncmp(path, below, strlen(below)); }
static int inside_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!armed) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return inside(path);
}
/* Whether this event fails; at the first of a kill `half` may be done before. */
static int fails(void) {
    if (++events <= first || !reason) return 0;
    if (reason < 0) return 1;
    errno = reason;
    return 1;
}
static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(write);
    if (!reading && inside_fd(fd) && fails()) {
        if (reason < 0) { next(fd, data, size / 2); die(); }
        return -1;
    }
    return next(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    if (!reading && inside_fd(fd) && fails()) {
        if (reason < 0) { next(fd, parts, (count + 1) / 2); die(); }
        return -1;
    }
    return next(fd, parts, count);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    NEXT(pwrite64);
    if (!reading && inside_fd(fd) && fails()) {
        if (reason < 0) { next(fd, data, size / 2, place); die(); }
        return -1;
    }
    return next(fd, data, size, place);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t place) { return pwrite64(fd, data, size, place); }
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    NEXT(fwrite);
    if (!reading && inside_fd(fileno(file)) && fails()) {
        if (reason < 0) { next(data, size, count / 2, file); fflush(file); die(); }
        return 0;
    }
    return next(data, size, count, file);
}
int fsync(int fd) {
    NEXT(fsync);
    if (!reading && inside_fd(fd) && fails()) { if (reason < 0) die(); return -1; }
    return next(fd);
}
int rename(const char *from, const char *to) {
    NEXT(rename);
    if (!reading && inside(to) && fails()) { if (reason < 0) die(); return -1; }
    return next(from, to);
}
int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    if (!reading && inside(path) && fails()) { if (reason < 0) die(); return -1; }
    return next(path, mode);
}
#define OPEN(name) \
int name(const char *path, int flags, ...) { \
    static int (*next)(const char *, int, ...); \
    if (!next) next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list rest; va_start(rest, flags); mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; va_end(rest); \
    if (!reading && (flags & O_CREAT) && inside(path) && fails()) { if (reason < 0) die(); return -1; } \
    return next(path, flags, mode); \
}
OPEN(open)
OPEN(open64)
ssize_t read(int fd, void *data, size_t size) {
    NEXT(read);
    if (reading && inside_fd(fd) && fails()) return -1;
    return next(fd, data, size);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t place) {
    NEXT(pread64);
    if (reading && inside_fd(fd) && fails()) return -1;
    return next(fd, data, size, place);
}
