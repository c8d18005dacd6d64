/* Reads regular files and their stamps as imgprep.decoding.files and imgprep.sources.stamps do, where nothing is odd. */
#ifndef IMGPREP_FILES_H
#define IMGPREP_FILES_H

#include <stdint.h>

/* Whether this system has what is needed. */
int files_available(void);

/* Size and modification time in ns of each name in an open folder, links not followed: 2 x count numbers.
 * Returns 0, or -1 where one of them cannot be had. */
int file_stamps(int folder, const char *const *names, int64_t count, int64_t *stamps);

/* Opens a regular file of a size from 1 to most bytes without following a link. Where its size and time are known
 * (not both 0) they must be as given. Returns a descriptor, or -1 for anything else. */
int open_regular(const char *path, int64_t size, int64_t time, int64_t most, int64_t *found);

/* Reads all of it and closes it. Returns 0, or -1 unless it had exactly this many bytes. */
int read_whole(int descriptor, char *target, int64_t size);

#endif
