/* Preloaded into a process: notes the calls by which it writes below some folders, and lets one of them fail.
 *
 * WRITE_FAULTS names a file that the test maps too: a `struct control`, then one line of text a call.
 * WRITE_FAULTS_BELOW names the folders, with colons between.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define LINE 160
#define LINES 4000

struct control {
    int noting; /* 0: let everything pass, unnoted */
    int at;     /* of the calls that match, the number of the one that fails, from 1 */
    int error;  /* with which errno */
    int cut;    /* a write fails in the middle: half of it is written, and the next call that matches fails */
    int matching;
    int fired;
    int noted;
    char pattern[LINE]; /* which calls count, as fnmatch has it: "fdatasync *-wal"; empty for none */
    char lines[LINES][LINE];
};

static struct control *control;
static const char *below;

__attribute__((constructor)) static void open_control(void) {
    const char *path = getenv("WRITE_FAULTS");
    int fd = path ? (int)open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    below = getenv("WRITE_FAULTS_BELOW");
    control = map == MAP_FAILED || !below ? NULL : map;
}

static int concerns(const char *path) {
    for (const char *at = below; at && *at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        size_t length = strcspn(at, ":");
        if (!strncmp(path, at, length) && (path[length] == '/' || !path[length]))
            return 1;
    }
    return 0;
}

/* Whether this call fails: 1 fails with errno set, -1 writes half. */
static int fails(const char *name, const char *path) {
    if (!control || !control->noting || !concerns(path))
        return 0;
    char line[LINE];
    snprintf(line, LINE, "%s %s", name, path);
    int number = __sync_fetch_and_add(&control->noted, 1);
    if (number < LINES)
        memcpy(control->lines[number], line, LINE);
    if (fnmatch(control->pattern, line, 0) || __sync_add_and_fetch(&control->matching, 1) != control->at)
        return 0;
    if (control->cut && strstr(name, "write")) {
        control->cut = 0;
        control->at++;
        return -1;
    }
    control->fired = 1;
    errno = control->error;
    return 1;
}

static int fails_on(const char *name, int fd) {
    char link[40], path[LINE];
    if (!control || !control->noting)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(name, path);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                      \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        if ((flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) && fails("open", path) > 0)                                    \
            return -1;                                                                                                 \
        return REAL(int, name, const char *, int, ...)(path, flags, mode);                                             \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...) {                                                          \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        if ((flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) && fails("open", path) > 0)                                    \
            return -1;                                                                                                 \
        return REAL(int, name, int, const char *, int, ...)(folder, path, flags, mode);                                \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t size) {
    int failing = fails_on("write", fd);
    return failing > 0 ? -1 : REAL(ssize_t, write, int, const void *, size_t)(fd, data, failing ? size / 2 : size);
}

#define PWRITE(name, offset_type)                                                                                      \
    ssize_t name(int fd, const void *data, size_t size, offset_type at) {                                             \
        int failing = fails_on("pwrite", fd);                                                                          \
        size = failing ? size / 2 : size;                                                                              \
        return failing > 0 ? -1 : REAL(ssize_t, name, int, const void *, size_t, offset_type)(fd, data, size, at);     \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    return fails_on("vector", fd) > 0 ? -1 : REAL(ssize_t, writev, int, const struct iovec *, int)(fd, pieces, count);
}

#define ON_DESCRIPTOR(name, label)                                                                                     \
    int name(int fd) { return fails_on(label, fd) > 0 ? -1 : REAL(int, name, int)(fd); }
ON_DESCRIPTOR(fsync, "fsync")
ON_DESCRIPTOR(fdatasync, "fdatasync")

#define TRUNCATE(name, offset_type)                                                                                    \
    int name(int fd, offset_type size) {                                                                              \
        return fails_on("ftruncate", fd) > 0 ? -1 : REAL(int, name, int, offset_type)(fd, size);                       \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define ALLOCATE(name, offset_type)                                                                                    \
    int name(int fd, offset_type at, offset_type size) {                                                              \
        return fails_on("fallocate", fd) > 0 ? errno : REAL(int, name, int, offset_type, offset_type)(fd, at, size);   \
    }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

int rename(const char *old, const char *new) {
    return fails("rename", old) > 0 ? -1 : REAL(int, rename, const char *, const char *)(old, new);
}

int link(const char *old, const char *new) {
    return fails("link", old) > 0 ? -1 : REAL(int, link, const char *, const char *)(old, new);
}

int unlink(const char *path) {
    return fails("unlink", path) > 0 ? -1 : REAL(int, unlink, const char *)(path);
}

int mkdir(const char *path, mode_t mode) {
    return fails("mkdir", path) > 0 ? -1 : REAL(int, mkdir, const char *, mode_t)(path, mode);
}
