#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "files.h"

#if defined(_WIN32)

int files_available(void) { return 0; }
int file_stamps(int folder, const char *const *names, int64_t count, int64_t *stamps) {
    (void)folder, (void)names, (void)count, (void)stamps;
    return -1;
}
int open_regular(const char *path, int64_t size, int64_t time, int64_t most, int64_t *found) {
    (void)path, (void)size, (void)time, (void)most, (void)found;
    return -1;
}
int read_whole(int descriptor, char *target, int64_t size) {
    (void)descriptor, (void)target, (void)size;
    return -1;
}

#else

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __APPLE__
#define MODIFIED(status) ((status)->st_mtimespec)
#else
#define MODIFIED(status) ((status)->st_mtim)
#endif

static int64_t nanoseconds(const struct stat *status) {
    return (int64_t)MODIFIED(status).tv_sec * 1000000000 + MODIFIED(status).tv_nsec;
}

int files_available(void) { return 1; }

int file_stamps(int folder, const char *const *names, int64_t count, int64_t *stamps) {
    struct stat status;
    for (int64_t row = 0; row < count; row++) {
        if (fstatat(folder, names[row], &status, AT_SYMLINK_NOFOLLOW)) return -1;
        stamps[2 * row] = status.st_size;
        stamps[2 * row + 1] = nanoseconds(&status);
    }
    return 0;
}

int open_regular(const char *path, int64_t size, int64_t time, int64_t most, int64_t *found) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) return -1;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= most &&
        ((size == 0 && time == 0) || (size == status.st_size && time == nanoseconds(&status)))) {
        *found = status.st_size;
        return descriptor;
    }
    close(descriptor);
    return -1;
}

int read_whole(int descriptor, char *target, int64_t size) {
    int64_t done = 0;
    ssize_t part = 1;
    char more; /* one byte more than expected notices a file that grew */
    while (part > 0 && done <= size) {
        struct iovec places[] = {{target + done, (size_t)(size - done)}, {&more, 1}};
        part = readv(descriptor, places, 2);
        if (part > 0) done += part;
        if (done == size) break; /* a regular file gives all that there is */
    }
    int whole = done == size;
    close(descriptor);
    return whole ? 0 : -1;
}

#endif
